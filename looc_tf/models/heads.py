"""Projection heads: pooled features to a point on the unit sphere."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
from tensorflow import keras


class UnitRows(keras.layers.Layer):
    """`[B, D]` -> the same rows with length 1, in float32."""

    def __init__(self, **options):
        super().__init__(dtype="float32", **options)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(inputs, axis=1)


def mlp(name: str, hidden: int, dimension: int) -> keras.Sequential:
    """Two layers with a ReLU between (MoCo v2, Chen et al. 2020)."""
    layers = [keras.layers.Dense(hidden, "relu", name="hidden"), keras.layers.Dense(dimension, name="out"), UnitRows()]
    return keras.Sequential(layers, name=f"head_{name}")


def linear(name: str, hidden: int, dimension: int) -> keras.Sequential:
    """One layer (MoCo v1, He et al. 2020); `hidden` is not used."""
    return keras.Sequential([keras.layers.Dense(dimension, name="out"), UnitRows()], name=f"head_{name}")


HEADS: dict[str, Callable[[str, int, int], keras.Sequential]] = {"mlp": mlp, "linear": linear}
