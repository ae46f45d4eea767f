"""The key encoder: a copy of the query encoder that follows it slowly."""

from __future__ import annotations

import math
from collections.abc import Iterable

import tensorflow as tf

from looc_tf.distribute import update_each
from looc_tf.keras2 import keras


def start_from(slow: keras.Model, quick: keras.Model) -> None:
    """Make `slow` an exact copy of `quick`, parameters and statistics; both must be built from one config."""
    shapes = [[tuple(weight.shape) for weight in model.weights] for model in (slow, quick)]
    if shapes[0] != shapes[1]:
        raise ValueError("The key encoder and the query encoder have other variables: build both from one config.")
    for copy, weight in zip(slow.weights, quick.weights):
        copy.assign(weight)


def rising(first: float, progress: tf.Tensor) -> tf.Tensor:
    """A momentum that grows from `first` to 1 along half a cosine (Grill et al. 2020, section 3.3).

    Args:
        first: of the first step.
        progress: of the training, in [0, 1].
    """
    return 1 - (1 - first) * (tf.cos(math.pi * progress) + 1) / 2


def follow(slow: keras.Model, quick: keras.Model, momentum: float) -> None:
    """`slow = momentum * slow + (1 - momentum) * quick` for each parameter (He et al. 2020, eq. 2), in float32.

    BatchNorm's statistics are left to the forward passes of `slow` itself.
    """
    follow_each(zip(slow.trainable_variables, quick.trainable_variables), momentum)


def follow_each(pairs: Iterable[tuple[tf.Variable, tf.Variable]], momentum: float | tf.Tensor) -> None:
    """`follow` for (slow, quick) variables; a momentum that is a tensor may have been computed by a replica."""

    def rule(copy: tf.Variable, weight: tf.Tensor, momentum: float | tf.Tensor = momentum) -> None:
        copy.assign(momentum * copy + (1 - momentum) * weight)

    copies, weights = zip(*pairs)
    update_each(copies, weights, rule, *([momentum] if tf.is_tensor(momentum) else []))
