"""What happens to a pixel's color: the joint color draw of MoCo v2, and solarize."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters, between, number
from looc_tf.augment.compiled import compiled

BRIGHTNESS, CONTRAST, SATURATION, HUE, GRAY, NOTHING = range(6)
ORDERS = tuple(itertools.permutations((BRIGHTNESS, CONTRAST, SATURATION, HUE)))
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in PIL and torchvision


class Color(Augmentation):
    """Color jitter in random order, then random grayscale: one joint draw, shared or not as a whole.

    The operations are torchvision's ColorJitter and RandomGrayscale (the recipe of MoCo v2): brightness multiplies,
    contrast blends with the mean gray of the image as it is at that moment, saturation blends with each pixel's gray,
    hue turns around the HSV circle; values are clipped to [0, 1] after each of them. In pictures of other channels than
    RGB each band has brightness and contrast, against its own mean; the rest does not exist there.

    Args:
        brightness, contrast, saturation: v draws a factor from [max(0, 1 - v), 1 + v].
        hue: largest shift in turns; 0.5 is the whole circle.
        probability: of the jitter.
        grayscale: probability of grayscale, drawn independently of the jitter.

    >>> color = Color(hue=0.5)
    >>> color.apply(tf.ones([4, 8, 8, 3]), color.sample(tf.random.uniform([4, color.numbers]))).shape
    TensorShape([4, 8, 8, 3])
    """

    kind = "color"
    numbers = 7
    settings: tuple[str, ...] = ("brightness", "contrast", "saturation", "hue", "probability", "grayscale")

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
        self.brightness = number(f"{self.kind}.brightness", brightness, high=100)
        self.contrast = number(f"{self.kind}.contrast", contrast, high=100)
        self.saturation = number(f"{self.kind}.saturation", saturation, high=100)
        self.hue = number(f"{self.kind}.hue (turns; 0.5 is the whole circle)", hue, high=0.5)
        self.probability = number(f"{self.kind}.probability", probability)
        self.grayscale = number(f"{self.kind}.grayscale", grayscale)

    def sample(self, u: tf.Tensor) -> Parameters:
        """One joint draw.

        Returns:
            `on` and `gray`, bool [B]; `factors` [B, 3] of brightness, contrast and saturation; `hue` [B] in turns;
            `order` int32 [B, 4], the operations from first to last.
        """
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

    def same(self, one: Parameters, other: Parameters) -> tf.Tensor:
        return super().same(one, other) & (one["gray"] == other["gray"])

    def vector(self, parameters: Parameters) -> tf.Tensor:
        """Where each strength lies between its least and its largest, 0.5 without jitter; then grayscale; [B, 5]."""
        strengths = tf.concat([parameters["factors"] - 1, parameters["hue"][:, None]], axis=1)
        largest = tf.constant([self.brightness, self.contrast, self.saturation, self.hue])
        jitter = tf.where(parameters["on"][:, None], tf.math.divide_no_nan(strengths, largest), 0.0)
        return tf.concat([(jitter + 1) / 2, tf.cast(parameters["gray"], tf.float32)[:, None]], axis=1)

    def describe(self, parameters: Mapping[str, Any]) -> str:
        brightness, contrast, saturation = parameters["factors"]
        turn = f"{360 * parameters['hue']:+.0f}°".replace("-", "−")
        jitter = f"b{brightness:.2f} c{contrast:.2f} s{saturation:.2f} h{turn}"
        return " ".join([jitter] * bool(parameters["on"]) + ["gray"] * bool(parameters["gray"])) or "off"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        if images.shape[-1] != 3:
            return _jitter_bands(images, parameters)
        strengths = tf.concat([parameters["factors"], parameters["hue"][:, None]], axis=1)
        strengths = tf.gather(strengths, parameters["order"], batch_dims=1)
        order = tf.where(parameters["on"][:, None], parameters["order"], NOTHING)
        gray = tf.where(parameters["gray"][:, None], GRAY, NOTHING)
        changed = _run(images, tf.concat([order, gray], axis=1), tf.pad(strengths, [[0, 0], [0, 1]]))
        return tf.ensure_shape(changed, images.shape)


def _jitter_bands(images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
    """Brightness and contrast of each band [B, H, W, C], in the order that was drawn."""
    bright, strong, _ = tf.unstack(parameters["factors"][:, None, None, None], axis=-1)

    def brightness(x: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(bright * x, 0.0, 1.0)

    def contrast(x: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(strong * x + (1 - strong) * tf.reduce_mean(x, axis=(1, 2), keepdims=True), 0.0, 1.0)

    order = parameters["order"]
    first = tf.argmax(order == BRIGHTNESS, axis=1) < tf.argmax(order == CONTRAST, axis=1)
    changed = tf.where(first[:, None, None, None], contrast(brightness(images)), brightness(contrast(images)))
    return tf.where(parameters["on"][:, None, None, None], changed, images)


@compiled(
    input_signature=[
        tf.TensorSpec([None, None, None, 3], tf.float32),
        tf.TensorSpec([None, 5], tf.int32),
        tf.TensorSpec([None, 5], tf.float32),
    ],
)
def _run(images: tf.Tensor, operations: tf.Tensor, strengths: tf.Tensor) -> tf.Tensor:
    """Each image's own sequence of operations.

    Compiled, because the loop then costs nothing and works on one image at a time, which stays in the processor's
    cache, as do only the operations that this image asks for: on two cores at 224 pixels twice as fast as the same
    arithmetic on whole batches, where each of five slots computes every operation and selects.
    """

    def one(arguments: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        image, sequence, amounts = arguments
        planes = tf.transpose(tf.reshape(image, [-1, 3]))  # [3, H W]: channels apart, so that pixels vectorise
        _, planes = tf.while_loop(
            lambda slot, _: slot < 5,
            lambda slot, planes: (slot + 1, _operate(sequence[slot], amounts[slot], planes)),
            (0, planes),
            maximum_iterations=5,
        )
        return tf.reshape(tf.transpose(planes), tf.shape(image))

    return tf.map_fn(one, (images, operations, strengths), fn_output_signature=tf.float32)


def _operate(operation: tf.Tensor, amount: tf.Tensor, planes: tf.Tensor) -> tf.Tensor:
    """One operation on the three channels [3, N] of one image, in the order of the constants above."""

    def blend(other: tf.Tensor | float) -> tf.Tensor:
        return tf.clip_by_value(amount * planes + (1 - amount) * other, 0.0, 1.0)

    return tf.switch_case(
        operation,
        [
            lambda: blend(0.0),
            lambda: blend(tf.reduce_mean(_luma(planes))),
            lambda: blend(_luma(planes)),
            lambda: _turn_hue(planes, amount),
            lambda: tf.broadcast_to(_luma(planes), tf.shape(planes)),
            lambda: planes,
        ],
    )


def _luma(planes: tf.Tensor) -> tf.Tensor:
    return sum(weight * plane for weight, plane in zip(LUMA, tf.unstack(planes)))


def _turn_hue(planes: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """Turns the hue of channels [3, N]; HSV's saturation and value stay.

    A channel is min + chroma * clip(|(hue + offset) mod 6 - 3| - 1, 0, 1), hue in sixths of the circle: the usual
    formula (Smith, "Color gamut transform pairs", 1978) without its six cases, so that it vectorises.
    """
    red, green, blue = tf.unstack(planes)
    lowest, highest = tf.reduce_min(planes, axis=0), tf.reduce_max(planes, axis=0)
    chroma = highest - lowest
    scale = 1 / tf.maximum(chroma, 1e-12)
    hue = tf.where(
        highest == red,
        (green - blue) * scale,
        tf.where(highest == green, 2 + (blue - red) * scale, 4 + (red - green) * scale),
    )

    def channel(offset: float) -> tf.Tensor:
        place = hue + 6 * turns + offset
        place -= 6 * tf.floor(place / 6)
        return lowest + chroma * tf.clip_by_value(tf.abs(place - 3) - 1, 0.0, 1.0)

    return tf.stack([channel(0.0), channel(4.0), channel(2.0)])


class Solarize(Augmentation):
    """Inverts the values at or above a threshold, as in BYOL's second view (Grill et al., 2020, appendix B).

    >>> Solarize().apply(tf.constant([[[[0.2, 0.5, 1.0]]]]), {"on": tf.constant([True])}).numpy().round(1)
    array([[[[0.2, 0.5, 0. ]]]], dtype=float32)
    """

    numbers = 1
    settings = ("threshold", "probability")

    def __init__(self, threshold: float = 0.5, probability: float = 0.2, **kwargs: Any):
        super().__init__(**kwargs)
        self.threshold = number("solarize.threshold", threshold)
        self.probability = number("solarize.probability", probability)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`on` bool [B]."""
        return {"on": u[:, 0] < self.probability}

    def vector(self, parameters: Parameters) -> tf.Tensor:
        """Whether it was solarized, [B, 1]."""
        return tf.cast(parameters["on"], tf.float32)[:, None]

    def describe(self, parameters: Mapping[str, Any]) -> str:
        return "on" if parameters["on"] else "off"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        chosen = parameters["on"][:, None, None, None] & (images >= self.threshold)
        return tf.where(chosen, 1.0 - images, images)
