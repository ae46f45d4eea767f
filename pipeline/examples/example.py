"""One picture as a `tf.Example`: its bytes, its labels, which copies the probes are shown, and what it looks like."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow_metadata.proto.v0 import schema_pb2

from looc_tf.data.table import Table
from pipeline.probes import COPIES, LABELLED, LABELS

# What statistics are made of, and so all that is read for them: a thousand pictures at a time would be held otherwise.
FEATURES = {
    **dict.fromkeys(("format", "mode"), schema_pb2.BYTES),
    **dict.fromkeys(("brightness", "saturation", LABELLED), schema_pb2.FLOAT),
    **dict.fromkeys(("height", "width", *LABELS, *COPIES), schema_pb2.INT),
}


def to_example(table: Table, row: int, data: bytes, pixels: np.ndarray, bands: int = 0) -> tf.train.Example:
    """The example of a row of a table.

    Args:
        data: the bytes of the picture, as they are kept.
        pixels: its centred square, uint8 [S, S, C].
        bands: how many are named; 0 for none.
    """
    name = str(table.ids[row])
    labels = {field: int(values[row]) for field, values in table.labels.items()}
    features: dict[str, Any] = {
        "image": data,
        "id": name.encode(),
        **labels,
        LABELLED: float(labels["label"] >= 0),
        **{feature: copy.draw(name) for feature, copy in COPIES.items()},
        **looks(data, pixels, bands),
    }
    if table.stylized is not None:
        features["stylized"] = table.stylized(row)
    return tf.train.Example(features=tf.train.Features(feature={key: _feature(item) for key, item in features.items()}))


def looks(data: bytes, pixels: np.ndarray, bands: int = 0) -> dict[str, Any]:
    """Size, format and mode of the file; mean brightness and saturation (HSV, 0 to 1) of its centred square."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height, kind, mode = image.width, image.height, image.format or "", image.mode
    except (OSError, ValueError, SyntaxError):  # Pillow minds what TensorFlow passes over, such as a text that swells
        (height, width), kind, mode = tf.io.decode_image(data, expand_animations=False).shape[:2], "", ""
    height //= bands if bands > 1 and mode == "L" else 1  # the bands are one below the other
    top, bottom = pixels.max(-1).astype(np.float32), pixels.min(-1).astype(np.float32)
    return {
        "height": height,
        "width": width,
        "format": kind.encode(),
        "mode": mode.encode(),
        "brightness": float(top.mean() / 255.0),
        "saturation": float(((top - bottom) / np.maximum(top, 1.0)).mean()),
    }


def _feature(value: bytes | float) -> tf.train.Feature:
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if isinstance(value, float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
