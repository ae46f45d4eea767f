"""Pictures as lightness and color, CIELAB, made inside of a network: what goes into it stays RGB."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from looc_tf.keras2 import keras

# sRGB to XYZ, and the white of D65 as a 2 degree observer sees it: scikit-image's figures
TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)
# The least and largest values that sRGB reaches in L, a and b (Tian et al. 2020, authors' code).
SQUARE, NEAREST, SIGMA = 10, 5, 5.0  # side of a bin of color; how many a color is shared by, and how widely
LEAST, LARGEST = (0.0, -86.183, -107.857), (100.0, 98.233, 94.478)


def lab(images: tf.Tensor) -> tf.Tensor:
    """sRGB `[..., 3]` in [0, 1] -> L in 0..100, a and b, float32.

    >>> lab(tf.constant([0.2, 0.5, 0.8])).numpy().round(2)
    array([ 52.25,   2.78, -46.29], dtype=float32)
    """
    images = tf.cast(images, tf.float32)
    linear = tf.where(images > 0.04045, ((tf.maximum(images, 0.0) + 0.055) / 1.055) ** 2.4, images / 12.92)
    ratio = tf.tensordot(linear, tf.constant(TO_XYZ), [[-1], [1]]) / tf.constant(WHITE)
    # The root of a number under its bound only, or the gradient at black would be infinite.
    root = tf.where(ratio > 0.008856, tf.maximum(ratio, 0.008856) ** (1 / 3), 7.787 * ratio + 16 / 116)
    x, y, z = tf.unstack(root, axis=-1)
    return tf.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@keras.saving.register_keras_serializable(package="looc_tf")
class Lab(keras.layers.Layer):
    """`[B, H, W, 3]` in [0, 1] -> CIELAB, each channel from -1 to 1, in float32."""

    def __init__(self, **options: Any):
        super().__init__(**{**options, "dtype": "float32"})

    def call(self, images: tf.Tensor) -> tf.Tensor:
        least, largest = tf.constant(LEAST), tf.constant(LARGEST)
        return (2 * lab(images) - (least + largest)) / (largest - least)


@keras.saving.register_keras_serializable(package="looc_tf")
class Channels(keras.layers.Layer):
    """Some channels of a map.

    Args:
        first, last: those from the first to before the last.
    """

    def __init__(self, first: int, last: int, **options: Any):
        super().__init__(**options)
        self.first, self.last = first, last

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return images[..., self.first : self.last]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "first": self.first, "last": self.last}


@functools.cache
def bins() -> np.ndarray:
    """The squares of `SQUARE` in a and b that any color of sRGB falls into, by rounding: their centers, float32 [Q, 2].

    Found on 65 x 65 x 65 colors: 261. (Zhang et al. 2016 have 313, of a file; nothing hangs on their number.)

    >>> bins().shape
    (261, 2)
    """
    with tf.init_scope(), tf.device("CPU:0"):
        steps = tf.linspace(0.0, 1.0, 65)
        colors = lab(tf.stack(tf.meshgrid(steps, steps, steps), axis=-1))[..., 1:]
        return SQUARE * np.unique(np.round(colors.numpy().reshape(-1, 2) / SQUARE), axis=0).astype(np.float32)


def soft_bins(colors: tf.Tensor) -> tf.Tensor:
    """How much of each bin a color is, `[..., 2]` of a and b -> `[..., Q]`, of sum 1: Gaussian in the distance to the
    nearest bins (Zhang et al. 2016, section 2.1)."""
    centers = tf.constant(bins())
    apart = tf.reduce_sum((colors[..., None, :] - centers) ** 2, axis=-1)
    closest, which = tf.math.top_k(-apart, NEAREST)
    weights = tf.nn.softmax(closest / (2 * SIGMA**2))
    return tf.reduce_sum(weights[..., None] * tf.one_hot(which, len(bins())), axis=-2)


def lab_input() -> keras.Model:
    """The part that trunks of single channels share."""
    inputs = keras.Input([None, None, 3])
    return keras.Model(inputs, Lab(name="lab")(inputs), name="lab_input")
