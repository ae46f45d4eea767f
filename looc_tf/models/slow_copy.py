"""The key encoder: a copy of the query encoder that follows it slowly."""

from __future__ import annotations

import tensorflow as tf
from tensorflow import keras

from looc_tf.distribute import update_each


def start_from(slow: keras.Model, quick: keras.Model) -> None:
    """Make `slow` an exact copy of `quick`, parameters and statistics; both must be built from one config."""
    shapes = [[tuple(weight.shape) for weight in model.weights] for model in (slow, quick)]
    if shapes[0] != shapes[1]:
        raise ValueError("The key encoder and the query encoder have other variables: build both from one config.")
    for copy, weight in zip(slow.weights, quick.weights):
        copy.assign(weight)


def follow(slow: keras.Model, quick: keras.Model, momentum: float) -> None:
    """`slow = momentum * slow + (1 - momentum) * quick` for each parameter (He et al. 2020, eq. 2), in float32.

    BatchNorm's statistics are left to the forward passes of `slow` itself.
    """

    def rule(copy: tf.Variable, weight: tf.Tensor) -> None:
        copy.assign(momentum * copy + (1 - momentum) * weight)

    update_each(slow.trainable_variables, quick.trainable_variables, rule)
