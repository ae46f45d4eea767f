"""The bytes of a record that are meant as a picture: encoded, raw pixels beside their size, or something else."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from PIL import Image

from looc_tf.data.extensions import has_signature

_SIZES = (("height", "image/height"), ("width", "image/width"), ("depth", "channels", "image/channels", "image/depth"))
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_TENSOR = re.compile(rb"\x08[\x01-\x17]\x12")  # a TensorProto: its type, and the begin of its shape


def encoded(value: bytes, features: Mapping[str, Any]) -> bytes:
    """A picture's bytes as they are; raw pixels of 8 bits become a file, by the height and width beside them.

    Raises:
        ValueError: they are other raw pixels, or a serialized tensor.
    """
    if not value or has_signature(value):
        return value
    if _TENSOR.match(value):
        raise ValueError("a tensor of tf.io.serialize_tensor; write tf.io.encode_png(...) of it in its place")
    height, width, depth = (_number(features, keys) for keys in _SIZES)
    if height <= 0 or width <= 0:
        return value
    depth = depth or (len(value) // (height * width) if len(value) in (height * width, 3 * height * width) else 0)
    if len(value) == height * width * depth and depth in _MODES:
        return _file(value, width, height, depth)
    if depth and len(value) % (height * width * depth) == 0:
        size = len(value) // (height * width * depth)
        what = f"raw pixels of {8 * size} bits" if depth in _MODES else f"raw pixels of {depth} channels"
        raise ValueError(f"{what}; encode them as PNG")
    return value


def _file(pixels: bytes, width: int, height: int, depth: int) -> bytes:
    if depth in (1, 3):
        return b"P%d %d %d 255\n" % (5 if depth == 1 else 6, width, height) + pixels
    out = io.BytesIO()
    Image.frombytes(_MODES[depth], (width, height), pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _number(features: Mapping[str, Any], keys: tuple[str, ...]) -> int:
    """The first of some keys that holds a whole number, 0 where none does."""
    for key in keys:
        if key in features and features[key].int64_list.value:
            return int(features[key].int64_list.value[0])
    return 0
