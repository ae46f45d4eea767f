"""Bytes of any picture to a square: graph operations alone, then with Pillow's help."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from helpers.odd_pictures import huge_png
from helpers.odd_pictures import save as encode
from pictures import PICTURE, PIXELS, oriented
from PIL import Image

from looc_tf.data import ingest
from looc_tf.data.decode import decode_square
from looc_tf.data.ingest import decode_one, portions, readable_batch, transcode

SIZE = 32
RAMP = Image.fromarray((np.mgrid[:60, :90][1] * 700).astype(np.uint16))


@pytest.fixture(scope="module")
def graph():
    spec = [tf.TensorSpec([], tf.string)]
    return tf.function(lambda data: decode_square(data, SIZE), input_signature=spec, autograph=False)


def _reference() -> np.ndarray:
    return np.asarray(PICTURE.crop((15, 0, 75, 60)).resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32)


def _error(pixels: np.ndarray) -> float:
    return float(np.abs(pixels.astype(np.float32) - _reference()).mean())


@pytest.mark.parametrize(
    ("data", "tolerance"),
    [
        (encode(PICTURE, "PNG"), 0.7),
        (encode(PICTURE, "JPEG", quality=95), 2),
        (encode(PICTURE.convert("CMYK"), "JPEG", quality=95), 2),
        (encode(PICTURE.quantize(64), "PNG"), 8),
        (encode(PICTURE.quantize(16), "PNG"), 20),
        (encode(PICTURE.convert("RGBA"), "PNG"), 0.7),
        (encode(PICTURE, "GIF"), 8),
        (encode(PICTURE, "GIF", save_all=True, append_images=[Image.new("RGB", (90, 60))] * 3), 8),
        (encode(PICTURE, "BMP"), 0.7),
        (encode(PICTURE.quantize(64), "BMP"), 8),
        *((oriented(value, "JPEG"), 2) for value in range(1, 9)),
    ],
    ids=["png", "jpeg", "cmyk", "palette", "4-bit", "rgba", "gif", "animated", "bmp", "palette-bmp"]
    + [f"exif-{value}" for value in range(1, 9)],
)
def test_graph_decodes_like_pillow(graph, data, tolerance):
    pixels = graph(tf.constant(data)).numpy()
    assert pixels.shape == (SIZE, SIZE, 3) and pixels.dtype == np.uint8
    assert _error(pixels) < tolerance
    np.testing.assert_array_equal(pixels, decode_square(tf.constant(data), SIZE).numpy())  # eager is the same


@pytest.mark.parametrize(
    "data",
    [
        encode(PICTURE, "WEBP", quality=95),
        encode(PICTURE, "TIFF"),
        encode(PICTURE, "PPM"),
        encode(PICTURE.quantize(64), "TIFF"),
        oriented(6, "WEBP"),
    ],
    ids=["webp", "tiff", "ppm", "palette-tiff", "exif-webp"],
)
def test_other_formats_are_refused_by_the_graph_and_transcoded_at_ingestion(graph, data):
    with pytest.raises(tf.errors.InvalidArgumentError, match="JPEG, PNG, GIF or BMP"):
        graph(tf.constant(data))
    assert _error(decode_one(data, SIZE)) < 8


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_range(kind):
    pixels = decode_one(encode(RAMP, kind), SIZE)
    expected = np.asarray(RAMP, np.float32)[30, 15:75] / 257
    assert np.all(np.diff(pixels[0, :, 0].astype(int)) >= 0)
    assert pixels[0, 0, 0] == pytest.approx(expected[0], abs=4) and pixels[0, -1, 0] == pytest.approx(
        expected[-1], abs=4
    )
    assert np.all(pixels == pixels[..., :1])


def test_one_bit_grey_spans_black_to_white(graph):
    image = Image.fromarray(((np.mgrid[:40, :40][1] >= 20) * 255).astype(np.uint8)).convert("1")
    pixels = graph(tf.constant(encode(image, "PNG"))).numpy()
    assert pixels[:, :12].max() == 0 and pixels[:, 20:].min() == 255


def test_transparent_pixels_are_laid_over_white(graph):
    alpha = Image.new("L", PICTURE.size, 0)
    pixels = graph(tf.constant(encode(Image.merge("RGBA", [*PICTURE.split(), alpha]), "PNG"))).numpy()
    assert np.all(pixels == 255)


def test_very_long_pictures(graph):
    for shape in ((5000, 1), (1, 5000)):
        pixels = graph(tf.constant(encode(Image.new("RGB", shape, (9, 99, 199)), "PNG"))).numpy()
        assert np.all(pixels == (9, 99, 199))


BROKEN = {
    "truncated-jpeg": encode(PICTURE, "JPEG")[:700],
    "truncated-png": encode(PICTURE, "PNG")[:100],
    "header-only": encode(PICTURE, "PNG")[:20],
    "truncated-gif": encode(PICTURE, "GIF")[:40],
    "text": b"not a picture",
    "empty": b"",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_pictures_raise_one_clear_line(graph, data):
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(tf.constant(data))
    with pytest.raises(ValueError, match=r"^(?!.*0x)[^\n]+$"):  # one line, no addresses
        decode_one(data, SIZE)


def test_a_huge_picture_is_refused_by_its_header(graph):
    with pytest.raises(tf.errors.InvalidArgumentError, match="100,000,000"):
        graph(tf.constant(huge_png(60_000, 60_000)))
    with pytest.raises(ValueError, match="pixels"):
        transcode(huge_png(20_000, 20_000))


def test_the_square_is_the_centre():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = PIXELS[0, 89]
    np.testing.assert_array_equal(decode_one(encode(Image.fromarray(wide), "PNG"), 10), wide[:, 10:20])


def test_a_batch_of_pictures_in_which_some_are_broken_or_of_another_format():
    files = [encode(PICTURE, "PNG"), b"no picture", encode(PICTURE, "WEBP", lossless=True)]
    kept, broken, transcoded = readable_batch(files, 8)
    assert kept[0] == files[0] and transcoded[0].startswith(b"\x89PNG") and isinstance(broken, str)
    np.testing.assert_array_equal(kept[1], transcoded[1])
    [alone] = readable_batch(files[:1], 8)
    np.testing.assert_array_equal(alone[1], kept[1])


def test_few_are_decoded_as_many_are_without_tracing_anything(monkeypatch):
    kinds = [encode(PICTURE, "JPEG"), encode(PICTURE, "PNG"), oriented(6, "JPEG")]
    kinds.append(encode(PICTURE.convert("RGBA"), "PNG"))
    many = readable_batch(kinds * 17, 8)
    monkeypatch.setattr("looc_tf.data.ingest._decoder", lambda *_: pytest.fail("traced"))
    few = readable_batch(kinds, 8)
    assert [data for data, _ in many] == kinds * 17 and [data for data, _ in few] == kinds
    np.testing.assert_array_equal([image for _, image in many], [image for _, image in few] * 17)


def test_large_pictures_make_small_portions():
    def sizes(pictures, most):
        return [len(portion) for portion in portions(pictures, most)]

    assert sizes([(row, bytes(1 << 24)) for row in range(9)], 32) == [4, 4, 1]
    assert sizes([(row, b"small") for row in range(9)], 4) == [4, 4, 1]
    assert sizes([(row, "a reason weighs nothing") for row in range(8)], 4) == [4, 4]
    assert sizes([], 4) == []
    mixed = [(0, "broken"), (1, b"x"), (2, b"y")]
    assert list(portions(iter(mixed), 2)) == [mixed[:2], mixed[2:]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_a_picture_of_ordinary_size_is_read_without_a_filter_of_warnings(kind, monkeypatch):
    """Filters are the whole process's, whatever thread sets them, and each change brings old warnings back."""
    data = encode(PICTURE, kind)
    monkeypatch.setattr(ingest.warnings, "catch_warnings", None)
    assert transcode(data).startswith(b"\x89PNG") and decode_one(data, 8).shape == (8, 8, 3)
