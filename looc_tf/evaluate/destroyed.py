"""Copies of pictures without one factor: what a probe of them still tells does not hang on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

BLUR = 1 / 24  # deviation of the blur, as a share of the picture's side

Pictures = Mapping[str, tf.Tensor]  # a batch of a source


def gray(batch: Pictures) -> tf.Tensor:
    """Brightness alone, in all three channels; other bands than RGB as they are, since they have no hue."""
    images = batch["image"]
    return tf.tile(tf.image.rgb_to_grayscale(images), [1, 1, 1, 3]) if images.shape[-1] == 3 else images


def turned(batch: Pictures) -> tf.Tensor:
    """Each picture in one of its four quarter turns, by a hash of its id."""
    turns = tf.strings.to_hash_bucket_fast(tf.strings.join([batch["id"], "upright or not"], "/"), 4)
    every = tf.stack([tf.image.rot90(batch["image"], turn) for turn in range(4)], axis=1)
    return tf.gather(every, turns, axis=1, batch_dims=1)


def blurred(batch: Pictures) -> tf.Tensor:
    """Without fine structure: a Gaussian blur, at the border of what lies there mirrored."""
    images = batch["image"]
    side, channels = images.shape[1], images.shape[-1]
    deviation = BLUR * side
    reach = min(math.ceil(3 * deviation), side - 1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    kernel = tf.constant(np.tile((weights / weights.sum())[:, None, None, None], [1, 1, channels, 1]), tf.float32)
    rows = tf.cast(images, tf.float32)
    for axis in (1, 2):
        pads = [[0, 0], *([reach, reach] if axis == each else [0, 0] for each in (1, 2)), [0, 0]]
        filters = kernel if axis == 1 else tf.transpose(kernel, [1, 0, 2, 3])
        rows = tf.nn.depthwise_conv2d(tf.pad(rows, pads, "REFLECT"), filters, [1, 1, 1, 1], "VALID")
    return tf.cast(tf.round(tf.clip_by_value(rows, 0, 255)), tf.uint8)


# factor -> how pictures are shown without it
WITHOUT: dict[str, Callable[[Pictures], tf.Tensor]] = {"color": gray, "orientation": turned, "texture": blurred}
