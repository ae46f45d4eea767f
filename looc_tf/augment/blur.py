"""Gaussian blur with a standard deviation per image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters, between, interval, number
from looc_tf.augment.compiled import compiled


class Blur(Augmentation):
    """Gaussian blur of each image with its own standard deviation, edges reflected (SimCLR, MoCo v2).

    The kernel is a tenth of the view wide, as in SimCLR, but no wider than 3.5 of the largest standard deviations to
    each side: what lies beyond weighs less than 1 in 1,000.

    Args:
        sigma: lowest and highest standard deviation in pixels.
        probability: of a blur.

    >>> blur = Blur()
    >>> blur.apply(tf.ones([4, 32, 32, 3]), blur.sample(tf.random.uniform([4, blur.numbers]))).shape
    TensorShape([4, 32, 32, 3])
    """

    numbers = 2
    settings = ("sigma", "probability")

    def __init__(self, sigma: tuple[float, float] = (0.1, 2.0), probability: float = 0.5, **kwargs: Any):
        super().__init__(**kwargs)
        self.sigma = interval("blur.sigma", sigma, 0.001, 1000)
        self.probability = number("blur.probability", probability)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`on` bool [B]; `sigma` [B] in pixels."""
        return {"on": u[:, 0] < self.probability, "sigma": between(u[:, 1], *self.sigma)}

    def vector(self, parameters: Parameters) -> tf.Tensor:
        """The width of the blur in parts of its largest, 0 where there is none, [B, 1]."""
        drawn = tf.where(parameters["on"], parameters["sigma"], 0.0)
        return tf.math.divide_no_nan(drawn, self.sigma[1])[:, None]

    def describe(self, parameters: Mapping[str, Any]) -> str:
        return f"σ {parameters['sigma']:.1f} px" if parameters["on"] else "off"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        radius = min(max(1, int(images.shape[1] * 0.1) // 2), math.ceil(3.5 * self.sigma[1]), images.shape[1] - 1)
        return gaussian_blur(images, tf.where(parameters["on"], parameters["sigma"], 0.0), radius)


def gaussian_blur(images: tf.Tensor, sigma: tf.Tensor, radius: int) -> tf.Tensor:
    """Blurs images [B, H, W, C] with standard deviations [B] in pixels (0: none) and 2 radius + 1 taps."""
    height, width, channels = images.shape[1:]
    squares = tf.range(-radius, radius + 1, dtype=tf.float64) ** 2
    # The smallest positive divisor turns a sigma of 0 into the taps 0 ... 0 1 0 ... 0, which change no bit. Float64,
    # since of float32 some processors take the exponential otherwise here than there in a tensor, so that the last
    # place of a picture's taps would hang on its place in the batch.
    taps = tf.cast(tf.nn.softmax(-squares / tf.maximum(2 * tf.cast(sigma, tf.float64)[:, None] ** 2, 1e-6)), tf.float32)
    rows = tf.reshape(_reflect(images, radius, axis=1), [-1, height + 2 * radius, width * channels])
    images = tf.reshape(_slide(rows, taps, radius, axis=1, step=1), [-1, height, width, channels])
    columns = tf.reshape(_reflect(images, radius, axis=2), [-1, height, (width + 2 * radius) * channels])
    return tf.reshape(_slide(columns, taps, radius, axis=2, step=channels), [-1, height, width, channels])


def _reflect(images: tf.Tensor, radius: int, axis: int) -> tf.Tensor:
    """What `tf.pad(mode="REFLECT")` does on one axis, at a third of the cost: it would cost more than the filter."""
    length = images.shape[axis]
    before = tf.gather(images, range(radius, 0, -1), axis=axis)
    after = tf.gather(images, range(length - 2, length - radius - 2, -1), axis=axis)
    return tf.concat([before, images, after], axis=axis)


@compiled(reduce_retracing=True)
def _slide(padded: tf.Tensor, taps: tf.Tensor, radius: int, axis: int, step: int) -> tf.Tensor:
    """Weighted sum of the shifts of [B, R, C] along an axis, `step` elements apart; compiled into a single loop."""
    length = tf.shape(padded)[axis] - 2 * radius * step
    total = 0.0
    for tap in range(2 * radius + 1):
        window = slice(tap * step, tap * step + length)
        shifted = padded[:, window] if axis == 1 else padded[:, :, window]
        total += taps[:, tap, None, None] * shifted
    return total
