"""Weights hang on the seed of the experiment alone, and nobody else's random numbers hang on them."""

import random
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract
from tensorflow import keras

from looc_tf import methods

CASE = contract.CASES["moco"]


def drawn(between=lambda: None):
    """What a caller draws before and after something else happens."""
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - the legacy state is what libraries read
    tf.random.set_seed(1)
    keras.utils.set_random_seed(1)
    draw = [
        random.random,
        np.random.random,
        lambda: float(tf.random.uniform([])),
        lambda: keras.layers.Dense(1).build([None, 2]) or random.random(),
    ]
    first = [one() for one in draw]
    between()
    return first, [one() for one in draw]


def test_building_leaves_the_callers_random_numbers_alone():
    assert drawn(lambda: methods.build(CASE)) == drawn()


def test_an_error_while_building_leaves_them_alone_too():
    def fail():
        with pytest.raises(Exception, match="needs labels"):
            methods.build(contract.CASES["supervised"])

    assert drawn(fail) == drawn()


def test_a_seed_gives_the_same_weights_whatever_was_drawn_before():
    tf.random.set_seed(3)
    random.seed(3)
    one = contract.arrays(methods.build(CASE).variables)
    tf.random.set_seed(4)
    random.seed(4)
    assert contract.same_bits(one, contract.arrays(methods.build(CASE).variables))
    assert not contract.same_bits(one, contract.arrays(methods.build(replace(CASE, seed=CASE.seed + 1)).variables))
