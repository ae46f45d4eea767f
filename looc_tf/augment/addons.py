"""Rotation by any angle: tensorflow-addons' where it is installed, and its equal where it is not.

Its development has ended; there is none for TensorFlow 2.16 and later, nor for Python 3.12. This is its one import.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any, Optional

import tensorflow as tf

_addons: Optional[Callable[..., Any]] = None
with warnings.catch_warnings():
    # Its end of life is known, and the reason for this module.
    warnings.filterwarnings("ignore", message=r"\s*TensorFlow Addons \(TFA\) has ended", category=UserWarning)
    with contextlib.suppress(ImportError):  # which it raises under a later TensorFlow, too
        from tensorflow_addons import image as _image

        _addons = _image.rotate


def rotate(images: tf.Tensor, radians: tf.Tensor) -> tf.Tensor:
    """Rotates images [B, H, W, C] counter-clockwise by [B] angles, bilinear; corners show the mirrored picture."""
    if _addons is None:
        return rotate_about_the_centre(images, radians)
    return _addons(images, radians, interpolation="bilinear", fill_mode="reflect")


def rotate_about_the_centre(images: tf.Tensor, radians: tf.Tensor) -> tf.Tensor:
    """`rotate` by TensorFlow's own projection: each pixel shows the place that the opposite rotation takes it to."""
    size = tf.shape(images)[1:3]
    bottom, right = tf.unstack(tf.cast(size - 1, tf.float32))
    cosine, sine = tf.cos(radians), tf.sin(radians)
    # Half of what rotating the far corner about the origin moves it by: so much the centre must be moved back.
    across = (right - (cosine * right - sine * bottom)) / 2
    down = (bottom - (sine * right + cosine * bottom)) / 2
    none = tf.zeros_like(cosine)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([cosine, -sine, across, sine, cosine, down, none, none], axis=1),
        output_shape=size,
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
