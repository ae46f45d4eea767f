"""The range of what goes into a network: floats in [0, 1], or bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from looc_tf.errors import UserError

MARGIN = 1e-3  # around [0, 1], for what arithmetic leaves there
EXPECTED = "Expected pictures as floats in [0, 1] or as uint8."


def unit_images(images: tf.Tensor, kind: str) -> tf.Tensor:
    """Bytes as floats of type `kind` in [0, 1]; floats as they are."""
    return tf.cast(tf.cast(images, tf.float32) / 255.0, kind) if images.dtype == tf.uint8 else images


class UnitImages:
    """Of a Keras model that takes pictures in [0, 1]: those that are in another range are refused in one line.

    Values can be looked at in eager code only: neither those of a data set nor of a symbolic tensor are.
    """

    def __call__(self, images: Any, *args, **options) -> Any:
        if not options.get("training"):
            check_unit(images)
        return super().__call__(images, *args, **options)  # type: ignore[misc]  # of Keras, which it stands before

    def predict(self, x: Any, *args, **options) -> Any:
        """`predict` of Keras, on pictures `[N, H, W, 3]`: floats in [0, 1] or uint8."""
        check_unit(x)
        return super().predict(x, *args, **options)  # type: ignore[misc]


def check_unit(images: Any) -> None:
    """Raises a `UserError` for an array or eager tensor of other integers than bytes, or of floats not in [0, 1]."""
    if not isinstance(images, np.ndarray) and not hasattr(images, "numpy"):
        return
    values = np.asarray(images)
    if values.dtype == np.uint8 or not values.size:
        return
    if values.dtype.kind not in "fV":  # V: bfloat16
        raise UserError(f"{EXPECTED} Received {values.dtype}.")
    low, high = float(values.min()), float(values.max())
    if low < -MARGIN or high > 1 + MARGIN:
        raise UserError(f"{EXPECTED} Received floats from {low:g} to {high:g}. Divide values in 0..255 by 255.")
