"""The view rule, on the table of draws, on parameters and on pixels."""

from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf
from helpers import lanes

from looc_tf.augment import build_chain
from looc_tf.errors import UserError
from looc_tf.views import Space, View, ViewPlan, leave_one_out, sibling_negatives
from looc_tf.views import plan as room

BATCH, SOURCE, SIZE = 24, 20, 16
SETTINGS = {
    "stylized": {},
    "crop": {},
    "color": {"hue": 0.5},
    "rotation": {},
    "texture": {"sizes": [1, 3]},
    "blur": {},
}


def spaces(*names):
    """ "all", and one space for each name, which it shares."""
    return [Space("all"), *(Space(name, (name,)) for name in names)]


def chain(*names):
    return build_chain({name: SETTINGS[name] for name in names}, size=SIZE)


def uniform(plan, seed=0):
    return tf.random.stateless_uniform([BATCH, plan.numbers], seed=(seed, 7))


def pictures():
    return tf.constant(np.random.default_rng(0).integers(0, 256, [BATCH, SOURCE, SOURCE, 3], dtype=np.uint8))


def rows(plan):
    return {view.name: view.draws for view in plan.views}


def shared(one, other):
    """The augmentations whose parameters are equal to the bit, over the whole batch."""
    return {name for name in one if all(np.array_equal(value, other[name][key]) for key, value in one[name].items())}


def test_view_rule_table_with_no_designated_augmentation_is_moco():
    assert rows(leave_one_out(["crop", "color"], spaces())) == {"query": (0, 0), "all": (1, 1)}


def test_view_rule_table_with_one_space():
    plan = leave_one_out(["crop", "color", "rotation", "blur"], spaces("rotation"))
    assert rows(plan) == {"query": (0, 0, 0, 0), "all": (1, 1, 1, 1), "rotation": (2, 2, 0, 2)}


def test_view_rule_table_with_two_spaces():
    plan = leave_one_out(["crop", "color", "rotation"], spaces("color", "rotation"))
    assert [(view.name, view.draws, view.positive, view.negative) for view in plan.views] == [
        ("query", (0, 0, 0), (), ()),
        ("all", (1, 1, 1), ("all",), ("color", "rotation")),
        ("color", (2, 0, 2), ("color",), ("rotation",)),
        ("rotation", (3, 3, 0), ("rotation",), ("color",)),
    ]


def test_view_rule_table_with_three_spaces():
    plan = leave_one_out(["crop", "color", "rotation", "texture", "blur"], spaces("color", "rotation", "texture"))
    assert rows(plan) == {
        "query": (0, 0, 0, 0, 0),
        "all": (1, 1, 1, 1, 1),
        "color": (2, 0, 2, 2, 2),
        "rotation": (3, 3, 0, 3, 3),
        "texture": (4, 4, 4, 0, 4),
    }


@pytest.mark.parametrize("designated", [("rotation",), ("color", "rotation"), ("color", "rotation", "texture")])
def test_view_rule_key_copies_exactly_its_own_parameters_from_the_query(designated):
    plan = leave_one_out(chain("crop", "color", "rotation", "texture", "blur"), spaces(*designated))
    parameters = plan.sample(uniform(plan))
    assert shared(parameters["query"], parameters["all"]) == set()
    for name in designated:
        assert shared(parameters["query"], parameters[name]) == {name}
    for one in ("all", *designated):  # and nothing from one another
        for other in ("all", *designated):
            assert one == other or shared(parameters[one], parameters[other]) == set()


def test_view_rule_siblings_are_negatives_where_they_vary_what_a_space_notices():
    assert sibling_negatives(spaces()) == {"all": ()}
    assert sibling_negatives(spaces("color")) == {"all": (), "color": ("all",)}
    assert sibling_negatives(spaces("color", "rotation", "texture")) == {
        "all": (),
        "color": ("all", "rotation", "texture"),
        "rotation": ("all", "color", "texture"),
        "texture": ("all", "color", "rotation"),
    }
    both = [*spaces("color"), Space("both", ("rotation", "color"))]
    assert sibling_negatives(both) == {"all": (), "color": ("all",), "both": ("all", "color")}


def test_a_space_that_shares_everything_sees_the_querys_own_pixels():
    names = ("crop", "color", "rotation", "texture", "blur")
    plan = leave_one_out(chain(*names), [Space("same", names), Space("all")])
    views, _ = plan(pictures(), uniform(plan))
    np.testing.assert_array_equal(views["same"], views["query"])
    assert not np.array_equal(views["all"], views["query"])


def test_every_view_is_made_from_the_reference_image():
    """A rotation that is shared turns the picture once, not twice."""
    plan = leave_one_out(build_chain({"rotation": {"probability": 1.0}}, size=SIZE), [Space("r", ("rotation",))])
    images = pictures()
    views, parameters = plan(images, uniform(plan))
    for name in ("query", "r"):
        quarters = parameters[name]["rotation"]["quarters"].numpy()
        turned = [np.rot90(image, quarter) for image, quarter in zip(images.numpy(), quarters)]
        np.testing.assert_array_equal((255 * views[name].numpy()).round(), turned)


def test_eager_equals_the_graph_of_a_dataset_to_the_bit():
    plan = leave_one_out(chain("crop", "color", "rotation", "texture", "blur"), spaces("color", "rotation"))
    eager, _ = plan(pictures(), uniform(plan))
    data = tf.data.Dataset.from_tensors({"image": pictures()}).repeat(3)
    for views in data.map(lambda batch: plan(batch, uniform(plan))[0], num_parallel_calls=3):
        assert list(views) == list(eager)
        for name, view in views.items():
            assert view.dtype == tf.float32
            assert view.shape == [BATCH, SIZE, SIZE, 3]
            lanes.same_in_a_graph(view, eager[name])


def test_the_views_of_a_row_depend_on_that_row_alone():
    """Two workers that read half of the rows each render what one worker renders."""
    plan = leave_one_out(chain("crop", "color", "rotation", "texture", "blur"), spaces("color"))
    images, u = pictures(), uniform(plan)
    whole, _ = plan(images, u)
    half, _ = plan(images[BATCH // 2 :], u[BATCH // 2 :])
    for name in whole:
        np.testing.assert_allclose(whole[name][BATCH // 2 :], half[name], atol=1e-6)


def test_other_numbers_give_other_views():
    plan = leave_one_out(chain("crop", "color"), spaces())
    one, other = (plan(pictures(), uniform(plan, seed))[0] for seed in (0, 1))
    assert not np.array_equal(one["query"], other["query"])


def test_independent_rows_are_a_plan_too():
    names = ("crop", "color")
    plan = ViewPlan(chain(*names), [View("one", (0, 0)), View("two", (1, 1))])
    views, _ = plan(pictures(), uniform(plan))
    assert list(views) == ["one", "two"]
    assert plan.numbers == 2 * (5 + 7)


def test_a_stylised_copy_is_read_from_the_batch():
    plan = leave_one_out(chain("stylized", "crop"), spaces("stylized"))
    images = tf.zeros([BATCH, SOURCE, SOURCE, 3], tf.uint8)
    views, parameters = plan({"image": images, "stylized": images + 255}, uniform(plan))
    for name, view in views.items():
        on = parameters[name]["stylized"]["on"].numpy()
        np.testing.assert_allclose(view.numpy().mean(axis=(1, 2, 3)), on.astype(np.float32), atol=1e-6)
    np.testing.assert_array_equal(parameters["query"]["stylized"]["on"], parameters["stylized"]["stylized"]["on"])
    with pytest.raises(UserError, match="needs a stylized copy of each image"):
        plan({"image": images}, uniform(plan))
    with pytest.raises(UserError, match="must come first"):
        leave_one_out(chain("crop", "stylized"), spaces())


@pytest.mark.parametrize("rows", [[View("one", (0,))], [View("one", (0, 0)), View("one", (1, 1))]])
def test_rows_that_do_not_fit_the_chain_are_user_errors(rows):
    with pytest.raises(UserError, match="Expected views of different names with a draw, or None, for each"):
        ViewPlan(["crop", "color"], rows)


@dataclass(frozen=True)
class Named:
    name: str
    shares: tuple = ()


@pytest.mark.parametrize(
    ("designated", "message"),
    [
        (
            [Named("color", ("colour",))],
            r"Space 'color' shares 'colour', which is not in the chain \(crop, color, rotation, blur\). "
            r"Did you mean 'color'\? Add it to views.chain or take it out of the space.",
        ),
        ([Named("t", ("texture",))], r"Space 't' shares 'texture', which is not in the chain"),
        ([Named("all"), Named("all")], r"Two spaces are called 'all'. Each space needs a name of its own."),
        ([Named("query")], r"A space cannot be called 'query'"),
        ([Named("trunk")], r"A space cannot be called 'trunk'"),
        ([Named("concat")], r"A space cannot be called 'concat'"),
    ],
)
def test_spaces_that_cannot_be_are_user_errors(designated, message):
    with pytest.raises(UserError, match=message):
        leave_one_out(["crop", "color", "rotation", "blur"], designated)


def test_large_images_are_rendered_a_few_at_a_time_to_the_same_bits(monkeypatch):
    chain = build_chain({"crop": {}, "color": {}, "rotation": {}, "texture": {}, "blur": {}}, 12)
    plan = leave_one_out(chain, [Space("all"), Space("color", ("color",))])
    images = tf.random.stateless_uniform([6, 16, 16, 3], (0, 1))
    u = tf.random.stateless_uniform([6, plan.numbers], (0, 2))
    whole = tf.function(lambda u: plan(images, u)[0])(u)
    for images_at_once, rows in ((1, 1), (4, 3), (5, 3), (6, 6)):
        monkeypatch.setattr(room, "AT_ONCE", images_at_once * 16 * 16 * 3 * 4)
        assert room._rows_at_once(images.shape) == rows
        for name, rendered in tf.function(lambda u: plan(images, u)[0])(u).items():
            assert rendered.shape == [6, 12, 12, 3]
            np.testing.assert_array_equal(rendered, whole[name])
