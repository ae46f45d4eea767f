"""What one test draws is not seen by the next one."""

import gc

import numpy as np
import pytest
import tensorflow as tf
from helpers import seeds


def draw():
    return tf.random.normal([3]).numpy(), tf.random.uniform([2], seed=4).numpy()


def shuffled():
    return list(tf.data.Dataset.range(9).shuffle(9).as_numpy_iterator())


@pytest.fixture
def drawn_in_a_graph():
    """Of one test: as long as it lived, every other one would begin with everything thrown away."""
    return tf.function(lambda: tf.random.normal([3]))


@pytest.mark.parametrize("of", [draw, shuffled])
def test_after_a_restart_the_draws_are_those_of_a_new_seed(of):
    tf.random.set_seed(seeds.SEED)
    expected = of()
    assert not np.array_equal(np.concatenate(of(), None), np.concatenate(expected, None))
    seeds.restart()
    np.testing.assert_array_equal(np.concatenate(of(), None), np.concatenate(expected, None))


def test_another_seed_does_not_stay():
    expected = draw()
    tf.random.set_seed(7)
    seeds.restart()
    np.testing.assert_array_equal(np.concatenate(draw()), np.concatenate(expected))


def test_a_graph_that_lives_on_begins_again_each_time(drawn_in_a_graph):
    tf.random.set_seed(seeds.SEED)
    expected = drawn_in_a_graph().numpy()
    for _ in range(2):
        seeds.restart()
        np.testing.assert_array_equal(drawn_in_a_graph(), expected)
        drawn_in_a_graph()


def test_a_graph_in_a_graph_too(drawn_in_a_graph):
    @tf.function
    def outer():
        return drawn_in_a_graph() + 1

    tf.random.set_seed(seeds.SEED)
    expected = outer().numpy()
    for _ in range(2):
        seeds.restart()
        np.testing.assert_array_equal(outer(), expected)


def test_a_graph_that_is_gone_is_not_remembered():
    gc.collect()
    others = seeds.graphs_alive()  # of a test before this one, which something still holds
    tf.function(lambda: tf.random.normal([3]))()
    assert seeds.graphs_alive() == others + 1
    seeds.restart()
    assert seeds.graphs_alive() == others
