"""What LooC is without a part of it: no sibling negatives, add-one; each against plain loops and twins."""

import math
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import checks, contract, references

from looc_tf.augment import build_chain
from looc_tf.errors import UserError
from looc_tf.methods.looc import Space
from looc_tf.views import leave_one_out

ALONE = contract.experiment(contract.SPACES[:3], sibling_negatives=False)
ADDED = (
    Space("added_color", ("rotation",), queue=contract.QUEUE),
    Space("added_rotation", ("color",), queue=contract.QUEUE),
)
CHAIN = {"crop": {}, "color": {"only": "keys", "probability": 1.0}, "rotation": {"only": "keys"}}


def test_without_sibling_negatives_each_loss_is_a_plain_loop_over_positive_and_queue():
    method, batch = contract.build(ALONE), contract.make_batch(ALONE)
    queries, keys = checks.embeddings(method, batch)
    expected = {}
    for name, space in method.spaces.items():
        rows = []
        for query, key in zip(np.float64(queries[name]), np.float64(keys[name][name])):
            logits = [query @ key, *(query @ row for row in np.float64(space.queue))]
            rows.append(
                -logits[0] / space.temperature + math.log(sum(math.exp(each / space.temperature) for each in logits))
            )
        expected[name] = np.array(rows)
    losses, _ = method.compare(batch, method.targets(batch))
    for name, rows in expected.items():
        np.testing.assert_allclose(losses[name], rows, rtol=0, atol=2e-5, err_msg=name)
    assert method.chance() == dict.fromkeys(method.spaces, math.log(1 + contract.QUEUE))
    assert not [name for name in contract.step(method, batch) if "sibling" in name]


def test_without_sibling_negatives_a_key_is_read_by_its_own_space_alone():
    method = contract.build(ALONE)
    keys = method.targets(contract.make_batch(ALONE))
    assert {name: list(rows) for name, rows in keys.items()} == {name: [name] for name in method.spaces}
    views = {view.name: view for view in contract.plan(ALONE).views}
    assert all(not view.negative for view in views.values())
    beside = {view.name: view.draws for view in contract.plan(contract.CASES["looc_2"]).views}
    assert {name: view.draws for name, view in views.items()} == beside  # the views are the same


def test_one_space_has_no_siblings_either_way():
    """MoCo with or without the setting: to the bit."""
    ends = []
    for wanted in (True, False):
        case = contract.experiment(contract.SPACES[:1], sibling_negatives=wanted)
        method = contract.build(case)
        for seed in range(3):
            contract.step(method, contract.make_batch(case, seed))
        ends.append(contract.state(method))
    assert contract.same_bits(*ends)


def test_add_one_has_a_plain_query_and_one_augmentation_a_key():
    plan = leave_one_out(build_chain(CHAIN, size=8), ADDED)
    assert [(view.name, view.draws, view.negative) for view in plan.views] == [
        ("query", (0, None, None), ()),
        ("added_color", (1, 1, None), ("added_rotation",)),
        ("added_rotation", (2, None, 2), ("added_color",)),
    ]
    pictures = tf.constant(np.random.default_rng(0).integers(0, 256, [6, 12, 12, 3], np.uint8))
    u = tf.random.stateless_uniform([6, plan.numbers], seed=(1, 2))
    views, drawn = plan(pictures, u)
    crop, color, turn = plan.augmentations.values()
    for row in range(6):  # a plain loop: crop, and then that one augmentation
        one = {
            view: {name: {k: v[row : row + 1] for k, v in given.items()} for name, given in found.items()}
            for view, found in drawn.items()
        }
        cut = {view: crop.apply(pictures[row : row + 1], found["crop"]) for view, found in one.items()}
        made = {
            "query": cut["query"],
            "added_color": color.apply(cut["added_color"], one["added_color"]["color"]),
            "added_rotation": turn.apply(cut["added_rotation"], one["added_rotation"]["rotation"]),
        }
        for view, picture in made.items():
            np.testing.assert_allclose(views[view][row], picture[0], rtol=0, atol=1e-6, err_msg=view)


def test_the_losses_of_add_one_are_those_of_the_formula():
    case = contract.experiment(ADDED)
    case = replace(case, views=replace(case.views, chain=CHAIN))
    method, batch = contract.build(case), contract.make_batch(case)
    assert method.negatives == {"added_color": ("added_rotation",), "added_rotation": ("added_color",)}
    losses, _ = method.compare(batch, method.targets(batch))
    for name, rows in checks.twin_losses(method, batch).items():
        np.testing.assert_allclose(losses[name], rows, rtol=0, atol=2e-5, err_msg=name)
    assert references.is_sibling_negative(("rotation",), ("color",))


def test_what_keys_do_not_have_no_space_shares():
    with pytest.raises(UserError, match="shares 'color', which only query views have"):
        leave_one_out(build_chain({"crop": {}, "color": {"only": "query"}}, size=8), [Space("color", ("color",))])
