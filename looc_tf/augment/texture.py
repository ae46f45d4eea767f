"""What happens to texture while shape stays: random convolution, or the data set's own stylised copy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters, between, interval, number, whole
from looc_tf.errors import UserError, shown


class Texture(Augmentation):
    """Random convolution: keeps shape and randomises local texture (Xu et al., "Robust and Generalizable Visual
    Representation Learning via Random Convolutions", ICLR 2021; there RandConv with mixing).

    A k x k kernel from C to C channels with weights of N(0, 1 / (C k^2)) is drawn per image; its result is mixed with
    the image. Before that it is brought to the image's mean and standard deviation, and after it clipped to [0, 1]:
    this library's choice, so that texture changes and exposure does not. The kernel mixes channels: colors change too.

    It stands in for the stylised copies of the LooC paper, which need a pretrained style network; see `Stylized`.

    Args:
        sizes: odd kernel sizes in pixels, drawn uniformly.
        mixing: lowest and highest weight of the original image.
        probability: of a convolution; 0.5 is this library's choice.
        channels: C, of the pictures.

    >>> texture = Texture()
    >>> texture.apply(tf.ones([4, 32, 32, 3]), texture.sample(tf.random.uniform([4, texture.numbers]))).shape
    TensorShape([4, 32, 32, 3])
    """

    settings = ("sizes", "mixing", "probability", "channels")

    def __init__(
        self,
        sizes: tuple[int, ...] = (1, 3, 5, 7),
        mixing: tuple[float, float] = (0.0, 1.0),
        probability: float = 0.5,
        channels: int = 3,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        listed = isinstance(sizes, (list, tuple)) and 0 < len(sizes) < 32
        if not listed or not all(isinstance(size, int) and 0 < size < 32 and size % 2 for size in sizes):
            raise UserError(
                f"texture.sizes must be odd kernel sizes in pixels, such as [1, 3, 5]. Received {shown(sizes)}."
            )
        self.sizes = tuple(sizes)
        self.mixing = interval("texture.mixing", mixing)
        self.probability = number("texture.probability", probability)
        self.widest = max(self.sizes)
        self.channels = whole("texture.channels", channels, 1, 1024)
        self.numbers = 3 + (self.channels * self.widest) ** 2

    def sample(self, u: tf.Tensor) -> Parameters:
        """`on` bool [B]; `original` [B], the image's weight; `kernel` [B, k, k, C, C], small ones framed by zeros."""
        which = tf.minimum(tf.cast(u[:, 1] * len(self.sizes), tf.int32), len(self.sizes) - 1)
        size = tf.gather(tf.constant(self.sizes, tf.float32), which)[:, None, None]
        # ndtri turns uniform into normal numbers; the bound keeps 0 from becoming minus infinity.
        normal = tf.math.ndtri(tf.clip_by_value(u[:, 3:], 1e-6, 1 - 1e-6))
        kernel = tf.reshape(normal, [-1, self.widest, self.widest, self.channels, self.channels])
        distance = tf.abs(tf.range(self.widest, dtype=tf.float32) - self.widest // 2)
        within = tf.maximum(distance[:, None], distance)[None] < size / 2
        scale = tf.where(within, 1 / (size * self.channels**0.5), 0.0)
        return {
            "on": u[:, 0] < self.probability,
            "original": between(u[:, 2], *self.mixing),
            "kernel": kernel * scale[..., None, None],
        }

    def describe(self, parameters: Mapping[str, Any]) -> str:
        return f"random kernel, {100 * (1 - parameters['original']):.0f} %" if parameters["on"] else "off"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        weight = tf.where(parameters["on"], parameters["original"], 1.0)[:, None, None, None]
        changed = random_convolution(images, parameters["kernel"])
        return tf.where(weight < 1, tf.clip_by_value(weight * images + (1 - weight) * changed, 0.0, 1.0), images)


def random_convolution(images: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """Convolves each image [B, H, W, C] with its own kernel [B, k, k, C, C]; the image's mean and deviation are kept.

    The batch is laid out as channels, C to a group, so that one grouped convolution serves all: ten times as fast
    as gathering patches.
    """
    height, width = images.shape[1:3]
    mean, spread = _moments(images)
    stacked = tf.reshape(tf.transpose(images - mean, [1, 2, 0, 3]), [1, height, width, -1])
    grouped = tf.reshape(tf.transpose(kernels, [1, 2, 3, 0, 4]), [*kernels.shape[1:3], images.shape[-1], -1])
    result = tf.nn.conv2d(stacked, grouped, strides=1, padding="SAME")
    result = tf.transpose(tf.reshape(result, [height, width, -1, images.shape[-1]]), [2, 0, 1, 3])
    result_mean, result_spread = _moments(result)
    return (result - result_mean) * (spread / tf.maximum(result_spread, 1e-6)) + mean


def _moments(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation of each image, [B, 1, 1, 1]."""
    mean, variance = tf.nn.moments(images, axes=(1, 2, 3), keepdims=True)
    return mean, tf.sqrt(variance)


class Stylized(Augmentation):
    """Swaps in the data set's stylised copy of the picture (Geirhos et al., ICLR 2019), as the LooC paper does.

    It comes before crop. `apply` takes the picture and its copy on one axis, [B, S, S, 2 C], and gives [B, S, S, C]; a
    view plan joins the fields "image" and "stylized" of the batch.

    Args:
        probability: of the stylised copy; 0.5 is this library's choice.

    >>> pair = tf.concat([tf.zeros([1, 8, 8, 3]), tf.ones([1, 8, 8, 3])], axis=-1)
    >>> float(Stylized().apply(pair, {"on": tf.constant([True])})[0, 0, 0, 0])
    1.0
    """

    numbers = 1
    settings = ("probability",)
    companion = "stylized"

    def __init__(self, probability: float = 0.5, **kwargs: Any):
        super().__init__(**kwargs)
        self.probability = number("stylized.probability", probability)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`on` bool [B]."""
        return {"on": u[:, 0] < self.probability}

    def describe(self, parameters: Mapping[str, Any]) -> str:
        return "stylised copy" if parameters["on"] else "the picture"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        if images.shape[-1] % 2:
            raise UserError(
                "Augmentation 'stylized' expects a picture and its stylised copy, such as 6 channels. "
                f"Received {images.shape[-1]}. Use 'texture' where the data has no field 'stylized'."
            )
        picture, copy = tf.split(images, 2, axis=-1)
        return tf.where(parameters["on"][:, None, None, None], copy, picture)
