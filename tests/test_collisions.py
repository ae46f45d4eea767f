"""Draws that do what the query's does are drawn again: against a plain loop, and never where nobody asks for it."""

import numpy as np
import pytest
import tensorflow as tf

from looc_tf.augment import build_chain
from looc_tf.errors import UserError
from looc_tf.views import Space, leave_one_out
from looc_tf.views.collisions import REDRAWS

BATCH = 400
SPACES = [Space("all"), Space("color", ("color",)), Space("rotation", ("rotation",))]
OFTEN = {"color": {"probability": 0.3, "grayscale": 0.5}, "rotation": {}, "texture": {"sizes": [1]}, "crop": {}}


def plan_of(chain, again=True):
    asked = {name: {**given, "resample_collisions": again and name != "crop"} for name, given in chain.items()}
    return leave_one_out(build_chain(asked, size=8), [each for each in SPACES if {*each.shares} <= {*chain}])


def uniform(plan, seed=3):
    return tf.random.stateless_uniform([BATCH, plan.numbers], seed=(seed, 7))


def does(name, drawn, row):
    """What a draw does to its picture, as a value to compare; said without the library's own `same`."""
    one = {key: np.asarray(value)[row].tolist() for key, value in drawn.items()}
    if name == "rotation":
        return one["quarters"]
    if name == "color":
        return one["gray"], one["on"] and (one["factors"], one["hue"], one["order"])
    return one["on"] and (one["original"], one["kernel"])


@pytest.mark.parametrize("name", ["color", "rotation", "texture"])
def test_a_key_is_drawn_again_as_a_plain_loop_would(name):
    """Row by row: the first of its draws that does something else than the query's."""
    plan = plan_of({name: OFTEN[name]})
    u, augmentation = uniform(plan), plan.augmentations[name]
    drawn, count = plan.sample(u), augmentation.numbers
    assert plan.numbers == count * (1 + (len(plan.views) - 1 - (name != "texture")) * (1 + REDRAWS))
    query = augmentation.sample(u[:, :count])
    tries = [augmentation.sample(u[:, count * (1 + k) : count * (2 + k)]) for k in range(1 + REDRAWS)]
    again = 0
    for row in range(BATCH):
        k = 0
        while does(name, tries[k], row) == does(name, query, row) and k < REDRAWS:
            k += 1
        again += k > 0
        for key, value in drawn["all"][name].items():
            np.testing.assert_array_equal(value[row], tries[k][key][row])
        for key, value in drawn["query"][name].items():
            np.testing.assert_array_equal(value[row], query[key][row])
    assert again > 20  # else this test says nothing


def test_only_what_is_shared_is_like_the_query_then():
    plan = plan_of({"color": OFTEN["color"], "rotation": {}})
    drawn = plan.sample(uniform(plan))
    for view, shared in {"all": set(), "color": {"color"}, "rotation": {"rotation"}}.items():
        for name in ("color", "rotation"):
            alike = [
                does(name, drawn["query"][name], row) == does(name, drawn[view][name], row) for row in range(BATCH)
            ]
            assert set(alike) == {name in shared}


def test_what_does_not_collide_is_drawn_as_it_was():
    """The same numbers in the first place of each block: only rows that collide change."""
    plain, again = plan_of({"rotation": {}}, again=False), plan_of({"rotation": {}})
    u = uniform(again)
    was = plain.sample(tf.concat([u[:, :2], u[:, 2:4], u[:, 2 * (2 + REDRAWS) : 2 * (2 + REDRAWS) + 2]], axis=1))
    now = again.sample(u)
    before, after, query = (np.asarray(each["rotation"]["quarters"]) for each in (was["all"], now["all"], now["query"]))
    np.testing.assert_array_equal(before == after, before != query)


def test_without_the_option_nothing_is_drawn_besides():
    chain = {"crop": {}, "color": {}, "rotation": {}}
    plain = leave_one_out(build_chain(chain, size=8), SPACES)
    asked = plan_of(chain, again=False)
    assert (
        plain.numbers
        == asked.numbers
        == sum(2 * each.numbers for each in plain.augmentations.values())
        + sum(each.numbers for name, each in plain.augmentations.items())
        + plain.augmentations["crop"].numbers
    )


def test_an_augmentation_that_always_does_the_same_is_left_after_some_draws():
    plan = plan_of({"rotation": {"probability": 0.0}})
    drawn = plan.sample(uniform(plan))
    assert not np.any(drawn["all"]["rotation"]["quarters"])


def test_views_are_made_of_it():
    plan = plan_of({"crop": {"area": [1.0, 1.0], "aspect": [1.0, 1.0], "flip": 0.0}, "rotation": {}})
    pictures = tf.constant(np.random.default_rng(0).integers(0, 256, [BATCH, 8, 8, 3], np.uint8))
    views, _ = plan(pictures, uniform(plan))
    alike = np.isclose(views["query"], views["all"], atol=1e-4).all(axis=(1, 2, 3))
    assert not alike.any() and np.allclose(views["query"], views["rotation"], atol=1e-4)


def test_a_wrong_value_is_one_line():
    with pytest.raises(UserError, match=r"views.chain.rotation.resample_collisions is true or false. Received 'yes'"):
        build_chain({"rotation": {"resample_collisions": "yes"}}, size=8)
