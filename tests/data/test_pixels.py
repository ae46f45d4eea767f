"""The rule by which intensities become 8 bits: NumPy and the graph do the same, to the bit."""

import io

import numpy as np
import pytest
import tensorflow as tf
from helpers.deep import color_png16, png16, ramp, tiff
from PIL import Image

from looc_tf.data import ingest, raw
from looc_tf.data.decode import decode_square
from looc_tf.data.pixels import PLAIN, Pixels, stacked_png
from looc_tf.data.survey import robust_range
from looc_tf.errors import UserError

RULES = [
    Pixels(ranges=((0.0, 4095.0),), kind="uint16"),
    Pixels(ranges=((0.0, 65535.0),), kind="uint16"),
    Pixels(ranges=((103.0, 58007.0),), missing=(0.0, 65535.0), kind="uint16"),
    Pixels(ranges=((-700.0, 900.0),), kind="int16"),
    Pixels(ranges=((17.5, 17.5),), kind="float32"),
    Pixels(ranges=((0.1, 0.30000001),), kind="float64"),
    Pixels(bands=(0, 2), ranges=((0.0, 999.0), (3.0, 7001.0)), kind="uint16"),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.kind}-{rule.ranges[0]}")
def test_the_graph_agrees_over_all_65536_values(rule):
    values = np.repeat(np.arange(65536).reshape(256, 256, 1), 3, axis=-1)
    graph = tf.function(rule.graph, autograph=False)
    for raw_values in (values.astype(np.uint16), (values - 32768).astype(np.int16)):
        expected = rule.eight_bits(raw_values)
        assert expected.dtype == np.uint8 and expected.shape[-1] == rule.channels
        for given in (tf.constant(raw_values), tf.constant(raw_values.astype(np.float32))):
            np.testing.assert_array_equal(rule.graph(given), expected)
            np.testing.assert_array_equal(graph(given), expected)


@pytest.mark.parametrize("rule", RULES[3:6], ids=lambda rule: rule.kind)
def test_the_graph_agrees_on_floats(rule):
    random = np.random.default_rng(0)
    values = random.normal(0, 1000, (300, 300, 1)).astype(np.float32)
    values[:3] = [[[np.nan]], [[np.inf]], [[-np.inf]]]
    values[3], values[4] = 3e38, np.linspace(0, 0.4, 300)[:, None]
    found = tf.function(rule.graph, autograph=False)(tf.constant(values)).numpy()
    np.testing.assert_array_equal(found, rule.eight_bits(values))
    assert (found[:3] == 0).all()


def test_full_range_keeps_its_levels():
    assert len(np.unique(RULES[1].eight_bits(np.arange(65536, dtype=np.uint16)[:, None, None]))) == 256


def test_halves_are_rounded_to_even_as_the_graph_does():
    rule = Pixels(ranges=((0.0, 510.0),), kind="uint16")
    assert rule.eight_bits(np.array([[[1], [3], [5]]], np.uint16))[0, :, 0].tolist() == [0, 2, 2]


def test_is_recorded_and_read_back():
    for rule in [PLAIN, *RULES]:
        assert Pixels.recorded(rule.record()) == rule
    assert Pixels.recorded(None) == PLAIN
    with pytest.raises(UserError, match="as looc records it"):
        Pixels.recorded({"ranges": "none"})


def test_arrays_are_taken_as_files_are():
    values = (ramp(40) * 4095).astype(np.uint16)
    alone = ingest.decode_one(tiff(values), 16, RULES[0])
    np.testing.assert_array_equal(ingest.square_of(values, 16, RULES[0]), alone)
    np.testing.assert_array_equal(ingest.square_of(values[..., 0], 16, RULES[0]), alone)
    np.testing.assert_array_equal(ingest.decode_one(png16(values), 16, RULES[0]), alone)


def test_a_deep_picture_with_alpha_is_laid_over_white():
    values = (ramp(40, 4) * 4095).astype(np.uint16)
    values[..., 3] = 65535
    values[:, :20, 3] = 0
    for file in (color_png16(values), tiff(values, extra=2)):
        seen = ingest.decode_one(file, 40, RULES[0])
        assert (seen[:, :20] == 255).all()
        np.testing.assert_array_equal(seen[:, 20:], RULES[0].eight_bits(values[:, 20:, :3]))


def test_bands_of_any_file_can_be_named():
    rgb = (ramp(16, 3) * 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "PNG")
    rule = Pixels(bands=(2, 0))
    np.testing.assert_array_equal(ingest.decode_one(out.getvalue(), 16, rule), rgb[..., [2, 0]])
    np.testing.assert_array_equal(ingest.decode_one(tiff(rgb), 16, rule), rgb[..., [2, 0]])
    Image.fromarray(rgb).save(out := io.BytesIO(), "BMP")
    np.testing.assert_array_equal(ingest.decode_one(out.getvalue(), 16, rule), rgb[..., [2, 0]])
    for file in (tiff(rgb), out.getvalue()):
        with pytest.raises(ValueError, match=r"^3 bands; data.bands=\[3, 0\] counts them from 0, up to 2$"):
            ingest.decode_one(file, 16, Pixels(bands=(3, 0)))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 13])
def test_bands_one_below_the_other_are_a_picture_of_a_named_set(count):
    picture = (ramp(20, count) * 255).astype(np.uint8)
    for first in (0, 7):
        rule = Pixels(bands=tuple(range(first, first + count)))
        np.testing.assert_array_equal(decode_square(tf.constant(stacked_png(picture)), 20, rule), picture)


def test_stray_values_and_no_data():
    ramped = np.arange(1000, 3000).repeat(3).astype(float)
    assert robust_range(ramped) == ((1000.0, 2999.0), ())
    assert robust_range(np.append(ramped, [65535.0, -9999.0])) == ((1000.0, 2999.0), ())
    assert robust_range(np.append(ramped, [0.0] * 300)) == ((1000.0, 2999.0), (0.0,))
    assert robust_range(np.append(ramped, [-9999.0] * 300 + [1e20] * 100)) == ((1000.0, 2999.0), (-9999.0, 1e20))
    assert robust_range(np.array([0.0, 65535.0] * 500)) == ((0.0, 65535.0), ())  # a mask: both are all there is
    assert robust_range(np.zeros(0)) == ((0.0, 1.0), ()) and robust_range(np.full(9, 3.0)) == ((3.0, 3.0), ())
    dark = np.append(np.zeros(9999), np.arange(20) * 100.0)  # a night sky
    assert robust_range(dark)[0][0] == 0


def test_telephones_pictures_name_what_they_need(monkeypatch):
    heic = b"\0\0\0\x18ftypheic" + bytes(40)
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif.as_plugin", None)
    with pytest.raises(ValueError, match="HEIC: install pillow-heif"):
        ingest.decode_one(heic, 16)


def test_telephones_pictures_are_read_where_the_reader_is(monkeypatch):
    """By its class, for this file: nothing is registered for the whole process."""
    import sys
    import types

    def opened(file, name):
        return Image.new("RGB", (20, 20), (9, 99, 199))

    monkeypatch.setitem(sys.modules, "pillow_heif", types.ModuleType("pillow_heif"))
    monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", types.SimpleNamespace(HeifImageFile=opened))
    assert (ingest.decode_one(b"\0\0\0\x18ftypheic" + bytes(40), 16) == (9, 99, 199)).all()
    assert "HEIF" not in raw.FORMATS
