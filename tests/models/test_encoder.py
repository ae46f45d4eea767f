"""The encoder's outputs, and the slow copy of it."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract

from looc_tf.models import Encoder, follow, start_from
from looc_tf.models.normalization import split

SPACES = ["all", "color"]
IMAGES = tf.random.stateless_uniform([3, 16, 16, 3], seed=(0, 1))


@pytest.fixture(scope="module")
def encoder():
    return Encoder(contract.MODEL, SPACES)


@pytest.fixture(scope="module")
def branched():
    return Encoder(contract.MODEL, SPACES, branch_per_space=True)


def test_spaces_are_unit_rows_over_one_trunk(encoder):
    outputs = encoder(IMAGES)
    assert [tuple(outputs[name].shape) for name in ("trunk", "all", "color")] == [(3, 32), (3, 8), (3, 8)]
    for space in SPACES:
        np.testing.assert_allclose(np.linalg.norm(outputs[space], axis=1), 1, atol=1e-6)


def test_branches_are_concatenated_into_the_trunk(branched):
    outputs = branched(IMAGES)
    assert list(outputs) == ["trunk", "branch_all", "branch_color", "all", "color"]
    np.testing.assert_array_equal(outputs["trunk"], tf.concat([outputs["branch_all"], outputs["branch_color"]], axis=1))
    assert not np.allclose(outputs["branch_all"], outputs["branch_color"])


@pytest.mark.parametrize("which", ["encoder", "branched"])
def test_only_the_heads_asked_for_are_computed(which, request):
    encoder = request.getfixturevalue(which)
    outputs = encoder(IMAGES, heads=["color"])
    assert "color" in outputs and "all" not in outputs and "branch_all" not in outputs
    np.testing.assert_array_equal(outputs["color"], encoder(IMAGES)["color"])


def test_pictures_of_other_sizes_and_a_batch_of_one(encoder):
    assert encoder(tf.zeros([1, 20, 28, 3]))["all"].shape == (1, 8)


def test_evaluation_does_not_depend_on_the_rest_of_the_batch(encoder):
    np.testing.assert_allclose(encoder(IMAGES)["trunk"][:1], encoder(IMAGES[:1])["trunk"], atol=1e-5)


def test_the_slow_copy_starts_equal_and_follows_parameters_only(encoder):
    tf.keras.utils.set_random_seed(1)
    slow = Encoder(contract.MODEL, SPACES, norm=split(3))
    assert not contract.same_bits(slow.get_weights(), encoder.get_weights())
    start_from(slow, encoder)
    assert contract.same_bits(slow.get_weights(), encoder.get_weights())
    before = contract.arrays(slow.trainable_variables), contract.arrays(slow.non_trainable_variables)
    quick = Encoder(contract.MODEL, SPACES)  # other weights than `encoder`
    quick(IMAGES, training=True)
    follow(slow, quick, 0.75)
    for now, old, new in zip(slow.trainable_variables, before[0], quick.trainable_variables):
        np.testing.assert_allclose(now, 0.75 * old + 0.25 * new, rtol=1e-5, atol=1e-7)
    assert contract.same_bits(contract.arrays(slow.non_trainable_variables), before[1])


def test_a_copy_of_another_shape_is_refused(encoder):
    with pytest.raises(ValueError, match="one config"):
        start_from(Encoder(contract.MODEL, ["all"]), encoder)
