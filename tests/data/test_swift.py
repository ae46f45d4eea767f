"""The quick way to decode ordinary pictures gives the bits of the slow one, and leaves all others to it."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.odd_pictures import interlaced_png, odd_pictures, save
from pictures import PICTURE, oriented
from PIL import Image

from looc_tf.data import decode
from looc_tf.data.decode import decode_square
from looc_tf.data.ingest import decode_one
from looc_tf.data.swift import swift_square

ORDINARY = {
    "jpeg": save(PICTURE, "JPEG", quality=95),
    "grey jpeg": save(PICTURE.convert("L"), "JPEG"),
    "progressive jpeg": save(PICTURE, "JPEG", progressive=True, subsampling=0),
    "cmyk jpeg": save(PICTURE.convert("CMYK"), "JPEG"),
    "png": save(PICTURE, "PNG"),
    "grey png": save(PICTURE.convert("L"), "PNG"),
    "upright": save(PICTURE.transpose(Image.Transpose.ROTATE_90), "PNG"),
    "interlaced": interlaced_png(),
}


@pytest.mark.parametrize("size", [1, 8, 31, 60, 90])
@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_pictures_have_the_same_bits(name, size):
    slow = decode_square(tf.constant(ORDINARY[name]), size).numpy()
    np.testing.assert_array_equal(swift_square(ORDINARY[name], size), slow)


@pytest.mark.parametrize(
    "data",
    [
        oriented(6, "JPEG"),
        save(PICTURE.convert("RGBA"), "PNG"),
        save(PICTURE.quantize(16), "PNG"),
        save(PICTURE, "PNG", transparency=(0, 0, 0)),
        save(PICTURE, "GIF"),
        save(PICTURE, "WEBP"),
        b"",
        b"\x89PNG\r\n\x1a\n",
    ],
    ids=["turned", "alpha", "palette", "transparent color", "gif", "webp", "empty", "cut"],
)
def test_what_is_not_ordinary_is_left_to_the_slow_way(data):
    assert swift_square(data, 8) is None


def test_large_pictures_are_left_to_the_way_that_decodes_them_alone(monkeypatch):
    monkeypatch.setattr("looc_tf.data.swift.LARGE", 60 * 90 - 1)
    assert all(swift_square(ORDINARY[name], 8) is None for name in ("png", "jpeg"))


def test_odd_pictures_are_what_they_were(monkeypatch):
    """Each of them is the same picture, or as broken, with the quick way and without it."""

    def read(data):
        try:
            return decode_one(data, 16).tolist()
        except (ValueError, tf.errors.OpError) as error:
            return type(error)

    kinds = {name: data for name, data in odd_pictures().items() if len(data) < 1 << 20}
    quick = {name: read(data) for name, data in kinds.items()}
    monkeypatch.setattr("looc_tf.data.ingest.swift_square", lambda data, size: None)
    for name, data in kinds.items():
        assert read(data) == quick[name], name
    assert decode.MAX_PIXELS >= decode.LARGE
