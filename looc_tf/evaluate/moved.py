"""Copies of pictures that one augmentation has moved by a stated strength, while everything else rests."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from looc_tf.augment import build
from looc_tf.augment.base import Parameters, unit_range

Batch = Mapping[str, tf.Tensor]
KERNEL = 5  # pixels of the random convolution
KERNEL_SEED = 0  # of the protocol and not of the run

# Augmentation -> its strengths, the first of them being rest.
STRENGTHS: dict[str, tuple[float, ...]] = {
    "hue": (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5),  # turns; 0.5 is 180 degrees
    "saturation": (0, 0.25, 0.5, 0.75, 1),  # how much of it is taken away: 1 is grey
    "brightness": (0, 0.2, 0.4, 0.6, 0.8),  # how much of it is taken away
    "contrast": (0, 0.2, 0.4, 0.6, 0.8),  # how much of it is taken away
    "rotation": (0, 90, 180, 270),  # degrees, by exact quarter turns
    "free_rotation": (0, 15, 30, 45, 60),  # degrees, bilinear
    "texture": (0, 0.25, 0.5, 0.75, 1),  # weight of the random convolution
    "crop": (1, 0.8, 0.6, 0.4, 0.2),  # area of the middle that is left
    "blur": (0, 0.5, 1, 1.5, 2),  # standard deviation in pixels
}
OF_COLOR = ("hue", "saturation")  # what pictures without color have none of


def moved(name: str) -> Callable[[Batch], tf.Tensor]:
    """The copies called `moved/NAME`, such as `hue/0.5`: batch of the source -> uint8 [B, S, S, C]."""
    kind, _, strength = name.partition("/")
    return lambda batch: _moved(batch, kind, float(strength))


def _moved(batch: Batch, kind: str, strength: float) -> tf.Tensor:
    images = unit_range(batch["image"])
    if kind == "texture":
        changed = _textured(images, batch["id"], strength)
    else:
        changed = _AUGMENTED.get(kind, _colored)(images, kind, strength)
    return tf.cast(tf.round(tf.clip_by_value(changed, 0.0, 1.0) * 255.0), tf.uint8)


def _colored(images: tf.Tensor, kind: str, strength: float) -> tf.Tensor:
    """A weaker brightness, contrast or saturation, or a turned hue, as the color draw of training would make it."""
    count = tf.shape(images)[0]
    factors = [1 - strength if kind == each else 1.0 for each in ("brightness", "contrast", "saturation")]
    return build("color").apply(
        images,
        {
            "on": tf.fill([count], True),
            "factors": tf.tile(tf.constant([factors], tf.float32), [count, 1]),
            "hue": tf.fill([count], strength if kind == "hue" else 0.0),
            "order": tf.tile(tf.range(4)[None], [count, 1]),
            "gray": tf.fill([count], False),
        },
    )


def _turned(images: tf.Tensor, kind: str, degrees: float) -> tf.Tensor:
    return build(kind).apply(images, {"quarters": tf.fill([tf.shape(images)[0]], round(degrees / 90) % 4)})


def _turned_freely(images: tf.Tensor, kind: str, degrees: float) -> tf.Tensor:
    radians = tf.experimental.numpy.deg2rad(tf.constant(degrees, tf.float32))
    return build(kind).apply(images, {"radians": tf.fill([tf.shape(images)[0]], radians)})


def _cropped(images: tf.Tensor, kind: str, area: float) -> tf.Tensor:
    """The middle, enlarged again."""
    count, side = tf.shape(images)[0], area**0.5
    box = tf.tile(tf.constant([[(1 - side) / 2, (1 - side) / 2, side, side]], tf.float32), [count, 1])
    return build(kind, size=int(images.shape[1])).apply(images, {"box": box, "flip": tf.fill([count], False)})


def _blurred(images: tf.Tensor, kind: str, sigma: float) -> tf.Tensor:
    count = tf.shape(images)[0]
    return build(kind).apply(images, {"on": tf.fill([count], True), "sigma": tf.fill([count], sigma)})


def _textured(images: tf.Tensor, ids: tf.Tensor, weight: float) -> tf.Tensor:
    """Each picture under a random kernel of its own, which a hash of its id draws: the same at every strength."""
    texture = build("texture", sizes=(KERNEL,), channels=int(images.shape[-1]))
    seeds = tf.strings.to_hash_bucket_fast(ids, 2**31 - 1)
    drawn = tf.map_fn(
        lambda seed: tf.random.stateless_uniform(
            [texture.numbers], tf.stack([tf.constant(KERNEL_SEED, tf.int64), seed])
        ),
        seeds,
        fn_output_signature=tf.float32,
    )
    still: Parameters = texture.sample(drawn)
    count = tf.shape(images)[0]
    return texture.apply(images, {**still, "on": tf.fill([count], True), "original": tf.fill([count], 1 - weight)})


_AUGMENTED: dict[str, Callable[[tf.Tensor, str, float], tf.Tensor]] = {
    "rotation": _turned,
    "free_rotation": _turned_freely,
    "crop": _cropped,
    "blur": _blurred,
}
