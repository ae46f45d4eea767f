"""Projection heads and predictors: `[B, F]` features -> `[B, dimension]` rows, before these are scaled to length 1.

Each function takes the name, the hidden width, the dimension, and `norm`, which makes a BatchNorm layer of a name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from looc_tf.keras2 import keras
from looc_tf.models.normalization import Normalization

layers = keras.layers


def _dense(width: int, **options: Any) -> keras.layers.Layer:
    """A layer whose weights begin as those of PyTorch's `Linear`: uniform within 1/sqrt(inputs) of 0.

    The recipes of BYOL, SimSiam and SwAV for small pictures were found with it. Keras's own begins with larger weights
    wherever a layer has fewer outputs than inputs. No loss sees the scale of a layer under BatchNorm, or under rows
    that are made units, but the larger the weights, the less a step turns them: with Keras's, a BYOL of 500 steps on
    CIFAR-10 lost 5 points of kNN accuracy (docs/results.md).
    """
    initial = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return layers.Dense(width, kernel_initializer=initial, **options)


@keras.saving.register_keras_serializable(package="looc_tf")
class UnitRows(keras.layers.Layer):
    """`[B, D]` -> the same rows with length 1, in float32."""

    def __init__(self, **options):
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(inputs, axis=1)


def mlp(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """Two layers with a ReLU between (MoCo v2, Chen, Fan et al. 2020); `norm` is not used."""
    return keras.Sequential(
        [layers.Dense(hidden, "relu", name="hidden"), layers.Dense(dimension, name="out")], name=f"head_{name}"
    )


def linear(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """One layer (MoCo v1, He et al. 2020); `hidden` and `norm` are not used."""
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


def hidden_norm_mlp(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """Two layers, the first one under BatchNorm, the last one without bias (BYOL, Grill et al. 2020, section 3.3)."""
    return keras.Sequential(
        [
            _dense(hidden, name="hidden"),
            norm("hidden_norm"),
            layers.ReLU(name="hidden_relu"),
            _dense(dimension, use_bias=False, name="out"),
        ],
        name=f"head_{name}",
    )


def deep_norm_mlp(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """Three layers, each under BatchNorm, the last one's without scale and offset (SimSiam, Chen and He 2021)."""
    last = norm("out_norm")
    last.center = last.scale = False
    stack = []
    for layer in ("first", "second"):
        stack += [
            _dense(hidden, use_bias=False, name=layer),
            norm(f"{layer}_norm"),
            layers.ReLU(name=f"{layer}_relu"),
        ]
    return keras.Sequential([*stack, _dense(dimension, use_bias=False, name="out"), last], name=f"head_{name}")


def gelu_mlp(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """Three layers with exact GELUs between, small first weights (DINO, Caron et al. 2021); `norm` is not used."""
    return _gelu(name, hidden, dimension, None)


def gelu_norm_mlp(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """`gelu_mlp` with BatchNorm before each GELU (`use_bn_in_head` of DINO's authors, for convolutional networks)."""
    return _gelu(name, hidden, dimension, norm)


def _gelu(name: str, hidden: int, dimension: int, norm: Normalization | None) -> keras.Sequential:
    def dense(width: int, layer: str) -> keras.layers.Layer:
        return layers.Dense(width, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02), name=layer)

    stack = []
    for layer in ("first", "second"):
        stack += [dense(hidden, layer), *([norm(f"{layer}_norm")] if norm else [])]
        stack += [layers.Activation(keras.activations.gelu, name=f"{layer}_gelu")]
    return keras.Sequential([*stack, dense(dimension, "out")], name=f"head_{name}")


def bottleneck(name: str, hidden: int, dimension: int, norm: Normalization) -> keras.Sequential:
    """SimSiam's predictor: narrow in its middle, BatchNorm behind the first layer alone (Chen and He 2021)."""
    return keras.Sequential(
        [
            _dense(hidden, use_bias=False, name="hidden"),
            norm("hidden_norm"),
            layers.ReLU(name="hidden_relu"),
            _dense(dimension, name="out"),
        ],
        name=f"head_{name}",
    )


HEADS: dict[str, Callable[[str, int, int, Normalization], keras.Sequential]] = {
    "mlp": mlp,
    "linear": linear,
    "batch_norm_mlp": batch_norm_mlp,
    "hidden_norm_mlp": hidden_norm_mlp,
    "deep_norm_mlp": deep_norm_mlp,
    "gelu_mlp": gelu_mlp,
    "gelu_norm_mlp": gelu_norm_mlp,
}
