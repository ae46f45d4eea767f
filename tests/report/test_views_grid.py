"""The grid of views: what it says, and that it is written whole or not at all."""

import numpy as np
import pytest

from looc_tf.augment import AUGMENTATIONS, Augmentation, build_chain
from looc_tf.errors import UserError
from looc_tf.report.views_grid import draw_views, shared_with_query, views_figure
from looc_tf.views import Space, leave_one_out, multicrop

IMAGE = np.random.default_rng(0).integers(0, 256, [24, 24, 3], dtype=np.uint8)


@pytest.fixture(scope="module")
def plan():
    chain = build_chain({"crop": {}, "color": {}, "rotation": {}}, size=16)
    both = Space("both", ("color", "rotation"))
    return leave_one_out(chain, [Space("all"), Space("color", ("color",)), both])


def test_columns_rows_and_marks(plan):
    figure = views_figure(plan, IMAGE, rows=2)
    assert len(figure.axes) == 1 + 2 * 4
    titles = [axis.get_title() for axis in figure.axes]
    assert [title for title in titles if title] == [
        "reference",
        "query",
        "key of space “all”",
        "key of space “color”",
        "key of space “both”",
    ]
    written = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    marks = [[line for line in lines if line.startswith("=")] for lines in written]
    assert marks[1] == marks[2] == marks[3] == marks[4] == []  # query and all, two rows
    assert [mark.split()[1] for mark in marks[5]] == ["color", "query's"]
    assert [mark.split()[1] for mark in marks[8]] == ["color", "rotation"]


def test_blank_cells_and_sizes_are_told():
    chain = {"crop": {}, "local": {"kind": "crop", "size": 10}, "color": {}}
    figure = views_figure(multicrop(build_chain(chain, size=16), local=1), IMAGE, rows=1)
    written = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert [lines[-1] for lines in written[1:]] == ["16 px", "16 px, shares nothing", "10 px, shares nothing"]
    assert written[1][1] == "local  –" and written[3][0] == "crop  –" and written[3][1].startswith("local  ")


def test_what_is_marked_is_what_the_draws_say(plan):
    assert {view.name: shared_with_query(plan, view) for view in plan.views} == {
        "query": (),
        "all": (),
        "color": ("color",),
        "both": ("color", "rotation"),
    }


def test_every_augmentation_has_a_description():
    assert all(kind.describe is not Augmentation.describe for kind in AUGMENTATIONS.values())


def test_writes_the_format_of_the_suffix_or_says_what_it_knows(plan, tmp_path):
    assert draw_views(plan, IMAGE, tmp_path / "v.png", rows=1).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match=r"views.png, .pdf or .svg. Received 'v.gifx'"):
        draw_views(plan, IMAGE, tmp_path / "v.gifx", rows=1)
    assert [path.name for path in tmp_path.iterdir()] == ["v.png"]


def test_small_views_are_named_after_the_space_that_they_are_dealt_to():
    """And a view says of each augmentation that it leaves out, `only` or multi-crop, that it does."""
    chain = {
        "crop": {},
        "local": {"kind": "crop", "size": 8},
        "rotation": {},
        "blur_query": {"kind": "blur", "only": "query"},
        "solarize": {"only": "keys"},
    }
    plan = multicrop(build_chain(chain, size=16), 3, (Space("all"), Space("rotation", ("rotation",))))
    figure = views_figure(plan, np.zeros([20, 20, 3], np.uint8), rows=1)
    axes = {axis.get_title(): [text.get_text() for text in axis.texts] for axis in figure.axes}
    assert list(axes) == [
        "reference",
        "query",
        "key of space “all”",
        "key of space “rotation”",
        "local1, of space “all”",
        "local2, of space “rotation”",
        "local3, of space “all”",
    ]
    assert "8 px, = query's rotation" in axes["local2, of space “rotation”"]
    blank = {title: {text.split()[0] for text in texts if text.endswith("–")} for title, texts in axes.items()}
    assert blank["query"] == {"local", "solarize"} and blank["key of space “all”"] == {"local", "blur_query"}
    assert blank["local1, of space “all”"] == {"crop", "blur_query", "solarize"}
