"""Synchronized BatchNorm on one replica: Keras's own numbers, by the kernel."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from looc_tf.models.normalization import EPSILON, MOMENTUM, for_queries, from_config, to_config


def pair(shape, **options):
    """Keras's layer and this one, with the same parameters, on the same rows."""
    rows = tf.random.stateless_normal(shape, seed=(0, 0)) * 2 + 1
    theirs = keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, synchronized=True)
    ours = for_queries("sync")("norm")
    for layer in (theirs, ours):
        for name, value in options.items():
            setattr(layer, name, value)
        layer.build(rows.shape)
        for number, weight in enumerate(layer.trainable_weights):
            weight.assign(tf.random.stateless_uniform(weight.shape, seed=(1, number)) + 0.5)
    return theirs, ours, rows


def stepped(layer, rows):
    """Outputs, gradients and moving statistics of one training step, then outputs of inference."""
    with tf.GradientTape() as tape:
        tape.watch(rows)
        outputs = layer(rows, training=True)
        loss = tf.reduce_sum(outputs**3)
    gradients = tape.gradient(loss, [rows, *layer.trainable_weights])
    return [*map(np.array, [outputs, *gradients, *layer.non_trainable_weights, layer(rows, training=False)])]


@pytest.mark.parametrize("shape", [[6, 5, 5, 4], [16, 4]], ids=["maps", "rows"])
@pytest.mark.parametrize("options", [{}, {"center": False}, {"center": False, "scale": False}], ids=str)
def test_a_step_is_that_of_keras(shape, options):
    theirs, ours, rows = pair(shape, **options)
    for their, our in zip(stepped(theirs, rows), stepped(ours, rows)):
        np.testing.assert_allclose(our, their, rtol=1e-4, atol=1e-4)


def operations(layer, rows):
    graph = tf.function(lambda x: layer(x, training=True)).get_concrete_function(rows).graph
    return {operation.type for operation in graph.get_operations()}


def test_it_takes_the_kernel():
    theirs, ours, rows = pair([6, 5, 5, 4])
    assert "FusedBatchNormV3" not in operations(theirs, rows)
    assert "FusedBatchNormV3" in operations(ours, rows)


def test_what_is_frozen_stands_still():
    _, ours, rows = pair([16, 4])
    ours.trainable = False
    before = [*map(np.array, ours.weights)]
    np.testing.assert_array_equal(ours(rows, training=True), ours(rows, training=False))
    assert all(map(np.array_equal, before, map(np.array, ours.weights)))


def test_its_kind_is_kept_in_a_config():
    again = from_config(to_config(for_queries("sync")))("again")
    assert type(again) is type(for_queries("sync")("norm")) and again.synchronized
