"""Rotation by any angle: the one import of tensorflow-addons, whose development has ended."""

from __future__ import annotations

import warnings

import tensorflow as tf

with warnings.catch_warnings():
    # Its end of life is known, and the reason for this module.
    warnings.filterwarnings("ignore", message=r"\s*TensorFlow Addons \(TFA\) has ended", category=UserWarning)
    from tensorflow_addons.image import rotate as _rotate


def rotate(images: tf.Tensor, radians: tf.Tensor) -> tf.Tensor:
    """Rotates images [B, H, W, C] counter-clockwise by [B] angles, bilinear; corners show the mirrored picture."""
    return _rotate(images, radians, interpolation="bilinear", fill_mode="reflect")
