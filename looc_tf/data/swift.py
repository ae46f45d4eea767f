"""The commonest pictures, JPEG and PNG of 8 bits, decoded eagerly in three operations instead of eighty.

A picture that is decoded at each fetch is decoded outside of any graph, where each small operation costs as much as
resizing a little picture. What is small is done by Python and NumPy here; the three kernels that remain are those of
`looc_tf.data.decode`, so the bits are the same ones, which a test holds. Whatever is not quite ordinary is left to it.
"""

from __future__ import annotations

import struct

import numpy as np
import tensorflow as tf

from looc_tf.data.decode import LARGE, SCAN, SIGNATURES, most_scans

_JPEG, _PNG = SIGNATURES[:2]
_RGB8 = b"\x08\x02"  # depth and kind of color in the header of a PNG: 8 bits, RGB, neither palette nor alpha
_GREY8 = b"\x08\x00"
_EXIF_BYTES = 4096  # in which `decode` looks for the orientation


def swift_square(data: bytes, size: int) -> np.ndarray | None:
    """uint8 [size, size, 3] of an ordinary picture, as `decode_square` by the plain rule; None for any other.

    Raises:
        tf.errors.OpError: it is broken.
    """
    if data.startswith(_JPEG):
        image = _jpeg(data)
    elif data.startswith(_PNG):
        image = _png(data)
    else:
        return None
    return None if image is None else _square(image, size)


def _jpeg(data: bytes) -> np.ndarray | None:
    if b"Exif\0\0" in data[:_EXIF_BYTES] or data.count(SCAN) > most_scans(len(data)):
        return None
    height, width = tf.image.extract_jpeg_shape(data)[:2].numpy().tolist()
    return tf.io.decode_jpeg(data, channels=3).numpy() if 0 < height * width <= LARGE else None


def _png(data: bytes) -> np.ndarray | None:
    """Not where a chunk says which color is transparent."""
    if data[24:26] not in (_RGB8, _GREY8) or b"tRNS" in data:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return tf.io.decode_png(data, channels=3).numpy() if 0 < height * width <= LARGE else None


def _square(image: np.ndarray, size: int) -> np.ndarray:
    """`decode.square` of uint8 [H, W, 3]."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image = np.ascontiguousarray(image[top : top + side, left : left + side])
    if side == size:
        return image
    scale = np.float32(size) / np.float32(side)
    resized = tf.raw_ops.ScaleAndTranslate(
        images=image[None],
        size=[size, size],
        scale=[scale, scale],
        translation=[0.0, 0.0],
        kernel_type="triangle",
        antialias=True,
    )
    return np.clip(np.rint(resized.numpy()[0]), 0, 255).astype(np.uint8)
