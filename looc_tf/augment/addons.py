"""The one place in the augmentations that imports tensorflow-addons, which has ended: a move away from it stays here."""

from __future__ import annotations

import warnings

import tensorflow as tf

with warnings.catch_warnings():
    # Its end of life is known, and the reason for this module.
    warnings.filterwarnings("ignore", message=r"\s*TensorFlow Addons \(TFA\) has ended development", category=UserWarning)
    from tensorflow_addons.image import rotate as _rotate


def rotate(images: tf.Tensor, radians: tf.Tensor) -> tf.Tensor:
    """Rotates images [B, H, W, C] counter-clockwise by [B] angles; bilinear, what was outside is the mirrored inside."""
    return _rotate(images, radians, interpolation="bilinear", fill_mode="reflect")
