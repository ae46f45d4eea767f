"""Odd pictures, made on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers.odd_pictures import save as encode
from PIL import Image

_Y, _X = np.mgrid[:60, :90]
PIXELS = np.stack([_X * 255 // 89, _Y * 255 // 59, (_X + _Y) * 255 // 148], -1).astype(np.uint8)
PICTURE = Image.fromarray(PIXELS)
UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def oriented(value: int, kind: str) -> bytes:
    """`PICTURE` stored turned, with the EXIF tag that says how to turn it back."""
    exif = Image.Exif()
    exif[0x0112] = value
    turned = PICTURE.transpose(UNDO[value]) if value in UNDO else PICTURE
    return encode(turned, kind, quality=95, exif=exif)


def write(path: Path, data: bytes | None = None, *, color: int | None = None) -> Path:
    """A file with `data`, or a small PNG of one grey value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if data is None:
        data = encode(Image.new("RGB", (12, 10), (color or 0,) * 3), "PNG")
    path.write_bytes(data)
    return path
