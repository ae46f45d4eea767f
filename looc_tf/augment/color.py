"""What happens to a pixel's color: the joint color draw of MoCo v2, and solarize."""

from __future__ import annotations

import itertools
from typing import Any

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters, between, where_on
from looc_tf.errors import UserError

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
ORDERS = tuple(itertools.permutations(range(4)))
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in PIL and torchvision


class Color(Augmentation):
    """Color jitter in random order, then random grayscale: one joint draw, shared or not as a whole.

    The operations are torchvision's ColorJitter and RandomGrayscale (the recipe of MoCo v2): brightness multiplies,
    contrast blends with the mean gray of the image as it is at that moment, saturation blends with each pixel's gray,
    hue turns around the HSV circle; values are clipped to [0, 1] after each of them.

    Args:
        brightness, contrast, saturation: v draws a factor from [max(0, 1 - v), 1 + v].
        hue: largest shift in turns; 0.5 is the whole circle.
        probability: of the jitter.
        grayscale: probability of grayscale, drawn independently of the jitter.

    >>> color = Color(hue=0.5)
    >>> color.apply(tf.ones([4, 8, 8, 3]), color.sample(tf.random.uniform([4, color.numbers]))).shape
    TensorShape([4, 8, 8, 3])
    """

    numbers = 7
    settings = ("brightness", "contrast", "saturation", "hue", "probability", "grayscale")

    def __init__(
        self,
        brightness: float = 0.4,
        contrast: float = 0.4,
        saturation: float = 0.4,
        hue: float = 0.1,
        probability: float = 0.8,
        grayscale: float = 0.2,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not 0 <= hue <= 0.5:
            raise UserError(f"color.hue is a largest shift in turns, from 0 to 0.5 (the whole circle). Received {hue}.")
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue
        self.probability, self.grayscale = probability, grayscale

    def sample(self, u: tf.Tensor) -> Parameters:
        """`on`, `gray` bool [B]; `factors` [B, 3] of brightness, contrast, saturation; `hue` [B] in turns; `order` int32 [B, 4]."""
        factors = [
            between(u[:, 1 + index], max(0.0, 1 - strength), 1 + strength)
            for index, strength in enumerate((self.brightness, self.contrast, self.saturation))
        ]
        which = tf.minimum(tf.cast(u[:, 5] * len(ORDERS), tf.int32), len(ORDERS) - 1)
        return {
            "on": u[:, 0] < self.probability,
            "factors": tf.stack(factors, axis=1),
            "hue": between(u[:, 4], -self.hue, self.hue),
            "order": tf.gather(tf.constant(ORDERS, tf.int32), which),
            "gray": u[:, 6] < self.grayscale,
        }

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        images = where_on(parameters["on"], images, parameters, jitter)
        return where_on(parameters["gray"], images, {}, lambda chosen, _: gray(chosen) * tf.ones([3]))


def jitter(images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
    """Brightness, contrast, saturation and hue of each image in its own order, clipped to [0, 1] after each."""
    for slot in range(4):
        operation = parameters["order"][:, slot]
        images = _blend(images, operation, parameters["factors"])
        images = where_on(operation == HUE, images, {"hue": parameters["hue"]}, lambda x, p: shift_hue(x, p["hue"]))
    return images


def _blend(images: tf.Tensor, operation: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """The slot's brightness, contrast or saturation: f x + (1 - f) (nothing, mean gray or gray); hue leaves x as it is."""
    factor = tf.gather(tf.pad(factors, [[0, 0], [0, 1]], constant_values=1.0), operation, batch_dims=1)
    factor = factor[:, None, None, None]
    operation = operation[:, None, None, None]
    luma = gray(images)
    toward = tf.where(operation == SATURATION, luma, 0.0) + tf.where(
        operation == CONTRAST, tf.reduce_mean(luma, axis=(1, 2), keepdims=True), 0.0
    )
    return tf.clip_by_value(factor * images + (1 - factor) * toward, 0.0, 1.0)


def gray(images: tf.Tensor) -> tf.Tensor:
    """Luma [B, H, W, 1] of images [B, H, W, 3]."""
    return tf.tensordot(images, tf.constant(LUMA)[:, None], 1)


def shift_hue(images: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """Turns the hue of images [B, H, W, 3] by [B] turns of the HSV circle; saturation and value stay."""
    hsv = tf.image.rgb_to_hsv(images)
    hue = hsv[..., :1] + turns[:, None, None, None]
    return tf.image.hsv_to_rgb(tf.concat([hue - tf.floor(hue), hsv[..., 1:]], axis=-1))


class Solarize(Augmentation):
    """Inverts the values at or above a threshold, as in BYOL's second view (Grill et al., 2020, appendix B).

    >>> Solarize().apply(tf.constant([[[[0.2, 0.5, 1.0]]]]), {"on": tf.constant([True])}).numpy().round(1)
    array([[[[0.2, 0.5, 0. ]]]], dtype=float32)
    """

    numbers = 1
    settings = ("threshold", "probability")

    def __init__(self, threshold: float = 0.5, probability: float = 0.2, **kwargs: Any):
        super().__init__(**kwargs)
        self.threshold, self.probability = float(threshold), float(probability)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`on` bool [B]."""
        return {"on": u[:, 0] < self.probability}

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        chosen = parameters["on"][:, None, None, None] & (images >= self.threshold)
        return tf.where(chosen, 1.0 - images, images)
