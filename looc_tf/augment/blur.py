"""Gaussian blur with a standard deviation per image."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters, between, where_on


class Blur(Augmentation):
    """Gaussian blur of each image with its own standard deviation, edges reflected (SimCLR, MoCo v2).

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
        self.sigma, self.probability = tuple(sigma), float(probability)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`on` bool [B]; `sigma` [B] in pixels."""
        return {"on": u[:, 0] < self.probability, "sigma": between(u[:, 1], *self.sigma)}

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        radius = max(1, int(images.shape[1] * 0.1) // 2)  # a kernel of a tenth of the view, as in SimCLR
        return where_on(parameters["on"], images, parameters, lambda x, p: gaussian_blur(x, p["sigma"], radius))


def gaussian_blur(images: tf.Tensor, sigma: tf.Tensor, radius: int) -> tf.Tensor:
    """Blurs images [B, H, W, C] with standard deviations [B] in pixels; 2 radius + 1 taps; edges reflected."""
    offsets = tf.range(-radius, radius + 1, dtype=tf.float32)
    taps = tf.nn.softmax(-(offsets**2) / (2 * sigma[:, None] ** 2), axis=1)
    for axis in (1, 2):
        images = _filter(images, taps, radius, axis)
    return images


def _filter(images: tf.Tensor, taps: tf.Tensor, radius: int, axis: int) -> tf.Tensor:
    length = tf.shape(images)[axis]
    padded = tf.pad(images, [[radius, radius] if a == axis else [0, 0] for a in range(4)], mode="REFLECT")
    shifted = [
        padded[:, k : k + length] if axis == 1 else padded[:, :, k : k + length] for k in range(2 * radius + 1)
    ]
    return tf.add_n([taps[:, k, None, None, None] * part for k, part in enumerate(shifted)])
