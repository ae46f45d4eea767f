"""Projection heads: pooled features to the rows of an embedding space, before these are scaled to length 1."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
from tensorflow import keras

from looc_tf.models.normalization import Normalization

layers = keras.layers


@keras.saving.register_keras_serializable(package="looc_tf")
class UnitRows(keras.layers.Layer):
    """`[B, D]` -> the same rows with length 1, in float32."""

    def __init__(self, **options):
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(inputs, axis=1)


def mlp(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """Two layers with a ReLU between (MoCo v2, Chen et al. 2020)."""
    return keras.Sequential(
        [layers.Dense(hidden, "relu", name="hidden"), layers.Dense(dimension, name="out")], name=f"head_{name}"
    )


def linear(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """One layer (MoCo v1, He et al. 2020); `hidden` is not used."""
    return keras.Sequential([layers.Dense(dimension, name="out")], name=f"head_{name}")


def batch_norm_mlp(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """Two layers, each under BatchNorm, the last one's without an offset (SimCLR, Chen et al. 2020)."""
    last = norm("out_norm")
    last.center = False
    return keras.Sequential(
        [
            layers.Dense(hidden, use_bias=False, name="hidden"),
            norm("hidden_norm"),
            layers.ReLU(name="hidden_relu"),
            layers.Dense(dimension, use_bias=False, name="out"),
            last,
        ],
        name=f"head_{name}",
    )


HEADS: dict[str, Callable[[str, int, int, Normalization], keras.Sequential]] = {
    "mlp": mlp,
    "linear": linear,
    "batch_norm_mlp": batch_norm_mlp,
}
