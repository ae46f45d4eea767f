"""The small multiples of `invariance`: from records alone, whatever augmentations and representations they hold."""

import subprocess
import sys

import pytest
from matplotlib.figure import Figure

from looc_tf.errors import UserError
from looc_tf.results import invariance as drawn
from looc_tf.results.figure import matrix
from looc_tf.results.tables import markdown


def records(method="looc", seeds=(0,), kinds=("hue", "rotation"), spaces=("trunk", "all")):
    made = []
    for seed in seeds:
        for name in spaces:
            keys = {"run": f"{method}-{seed}", "method": method, "seed": seed, "representation": name, "chance": 20.0}
            for kind in kinds:
                made.append({**keys, "probe": f"invariance@{kind}", "value": 50.0})
                for strength in ("0", "0.5", "1"):
                    for measure in drawn.MEASURES:
                        probe = f"invariance@{kind}/{strength} {measure}"
                        made.append({**keys, "probe": probe, "value": 100.0 - 40 * float(strength) - seed})
    return made


def lines(figure):
    return [[line for line in axes.lines if line.get_label()[0] != "_"] for axes in figure.axes]


def test_rows_are_augmentations_and_columns_measures():
    figure = drawn.invariance_figure(records(), "a run")
    assert isinstance(figure, Figure) and len(figure.axes) == 2 * 3
    assert [axes.get_title() for axes in figure.axes[:3]] == list(drawn.MEASURES.values())
    assert [[line.get_label() for line in panel] for panel in lines(figure)] == [["trunk", "all"]] * 6
    assert figure.axes[0].get_ylabel().startswith("hue") and figure.axes[3].get_ylabel().startswith("rotation")


def test_cosines_are_drawn_between_chance_and_1_and_shares_as_they_are():
    cosine, kept, _ = lines(drawn.invariance_figure(records(kinds=("hue",))))
    assert list(kept[0].get_ydata()) == [100, 80, 60]
    assert list(cosine[0].get_ydata()) == [100, 75, 50]  # chance is 20


def test_several_seeds_have_a_band_and_several_methods_dashes():
    both = [*records("looc", (0, 1, 2)), *records("moco", (0, 1, 2), spaces=("trunk",))]
    figure = drawn.invariance_figure(both)
    assert [line.get_label() for line in lines(figure)[0]] == ["looc: trunk", "looc: all", "moco: trunk"]
    assert len(figure.axes[0].collections) == 3
    first, _, third = lines(figure)[0]
    assert first.get_color() == third.get_color() and first.get_linestyle() != third.get_linestyle()


def test_less_of_the_picture_stands_further_right():
    figure = drawn.invariance_figure(records(kinds=("crop",)))
    assert all(axes.xaxis_inverted() for axes in figure.axes)


def test_an_augmentation_that_is_not_known_yet_is_drawn_last():
    figure = drawn.invariance_figure(records(kinds=("own_filter", "hue")))
    assert figure.axes[3].get_ylabel() == "own filter"


def test_files_and_mistakes(tmp_path):
    drawn.invariance_file(records(), tmp_path / "x.svg")
    assert (tmp_path / "x.svg").read_text(encoding="utf8").startswith("<?xml")
    with pytest.raises(UserError, match=r"one of \.png, \.svg, \.pdf"):
        drawn.invariance_file(records(), tmp_path / "x.doc")
    other = [{**record, "probe": "object"} for record in records()[:1]]
    assert not drawn.has_curves(other) and drawn.has_curves(records())
    with pytest.raises(UserError, match="Expected records of `invariance`, received none"):
        drawn.invariance_figure(other)


def test_tables_and_the_matrix_leave_single_points_to_the_figure():
    table = markdown(records())
    assert "| method | representation | invariance@hue | invariance@rotation |" in table
    figure = matrix(records())
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [
        "invariance\n@hue",
        "invariance\n@rotation",
    ]


def test_drawing_needs_no_tensorflow():
    code = "import sys, looc_tf.results.invariance; print(sorted({'tensorflow', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
