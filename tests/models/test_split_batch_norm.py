"""BatchNorm over parts of a batch, against a slow twin and against Keras's own."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import references

from looc_tf.models.normalization import EPSILON, MOMENTUM, SplitBatchNormalization, plain, split


def make(groups, inputs, apart=True):
    layer = split(groups, apart)("norm")
    layer.build(inputs.shape)
    channels = np.arange(inputs.shape[-1])
    layer.gamma.assign(1.0 + 0.1 * channels)
    layer.beta.assign(0.5 - 0.2 * channels)
    return layer


def inputs(*shape):
    return (3 + 2 * np.random.default_rng(0).normal(size=shape)).astype(np.float32)


BOTH = pytest.mark.parametrize("apart", [True, False], ids=["each group", "together"])


@BOTH
@pytest.mark.parametrize(
    "groups, used, shape",
    [
        (1, 1, (8, 5, 4, 3)),
        (4, 4, (8, 5, 4, 3)),
        (8, 8, (8, 2, 2, 3)),
        (2, 2, (6, 3)),
        (8, 4, (4, 5, 4, 3)),  # more groups than rows
        (8, 2, (6, 5, 4, 3)),  # 2 is the largest divisor of 8 that divides 6
        (4, 1, (5, 5, 4, 3)),
        (4, 1, (1, 5, 4, 3)),
    ],
    ids=str,
)
def test_it_equals_the_numpy_twin(groups, used, shape, apart):
    images = inputs(*shape)
    layer = make(groups, images, apart)
    outputs = layer(images, training=True)
    expected, means, variances = references.batch_norm_by_groups(
        np.float64(images), used, layer.gamma.numpy(), layer.beta.numpy(), EPSILON
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    np.testing.assert_allclose(layer.moving_mean, (1 - MOMENTUM) * means.mean(0), rtol=1e-4)
    np.testing.assert_allclose(layer.moving_variance, MOMENTUM + (1 - MOMENTUM) * variances.mean(0), rtol=1e-4)


@BOTH
@pytest.mark.parametrize("groups, rows", [(8, 8), (8, 6), (4, 5)])
def test_a_batch_of_unknown_size_is_split_alike(groups, rows, apart):
    images = inputs(rows, 5, 4, 3)
    layer, unknown = make(groups, images), make(groups, images, apart)
    call = tf.function(lambda x: unknown(x, training=True), input_signature=[tf.TensorSpec([None, 5, 4, 3])])
    np.testing.assert_allclose(call(images), layer(images, training=True), atol=1e-5)
    for ours, theirs in zip(layer.get_weights(), unknown.get_weights()):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_one_group_is_plain_batch_norm():
    images = inputs(8, 5, 4, 3)
    layer, keras_own = make(1, images), plain("norm")
    keras_own.build(images.shape)
    keras_own.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(images, training=True), keras_own(images, training=True), atol=1e-4)
    np.testing.assert_allclose(layer.moving_mean, keras_own.moving_mean, rtol=1e-4)
    count = images[..., 0].size  # Keras's apart kernel records the unbiased variance
    biased = MOMENTUM + (keras_own.moving_variance - MOMENTUM) * (count - 1) / count
    np.testing.assert_allclose(layer.moving_variance, biased, rtol=1e-4)


def test_gradient_equals_that_of_batch_norm_on_each_part():
    images = tf.constant(inputs(6, 5, 4, 3))
    layer, keras_own = make(2, images), plain("norm")
    keras_own.build(images.shape)
    keras_own.set_weights(layer.get_weights())
    weights = tf.random.stateless_normal(images.shape, seed=(0, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        ours = tf.reduce_sum(weights * layer(images, training=True))
        parts = [keras_own(part, training=True) for part in tf.split(images, 2)]
        theirs = tf.reduce_sum(weights * tf.concat(parts, axis=0))
    np.testing.assert_allclose(tape.gradient(ours, images), tape.gradient(theirs, images), atol=1e-3)
    np.testing.assert_allclose(tape.gradient(ours, layer.gamma), tape.gradient(theirs, keras_own.gamma), atol=1e-3)


def test_a_row_sees_its_own_group_only():
    images = inputs(8, 4, 4, 3)
    changed = images.copy()
    changed[4:] += 10 * inputs(4, 4, 4, 3)
    layer = make(2, images)
    np.testing.assert_array_equal(layer(images, training=True)[:4], layer(changed, training=True)[:4])


@pytest.mark.parametrize("training", [False, None])
def test_evaluation_uses_moving_statistics_and_leaves_them(training):
    images = inputs(4, 4, 4, 3)
    layer = make(2, images)
    layer(images, training=True)
    before = layer.get_weights()
    outputs = layer(images, training=training)
    expected = (images - before[2]) / np.sqrt(before[3] + EPSILON) * before[0] + before[1]
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights()))


@BOTH
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_statistics_stay_in_float32_under_mixed_precision(precision, apart):
    tf.keras.mixed_precision.set_global_policy(precision)
    images = 100 + inputs(8, 16, 16, 3)  # the sum of a channel overflows float16
    layer = make(2, images, apart)
    outputs = layer(images, training=True)
    assert outputs.dtype == layer.compute_dtype and layer.moving_mean.dtype == tf.float32
    assert np.isfinite(np.float32(outputs)).all()
    np.testing.assert_allclose(layer.moving_mean, 0.1 * images.mean((0, 1, 2)), rtol=5e-3)


def test_it_can_be_rebuilt_from_its_config():
    layer = SplitBatchNormalization.from_config(split(4, apart=False)("norm").get_config())
    assert layer.groups == 4 and not layer.apart and layer.momentum == MOMENTUM
