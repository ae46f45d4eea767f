"""Data sets of more than 8 bits: one range for all of their pictures, found or given, and said."""

import logging

import numpy as np
import pytest
from helpers.deep import color_png16, png16, ramp, tiff, write
from helpers.odd_pictures import save

from looc_tf.data import open_source
from looc_tf.errors import UserError


def shades(low, high, dtype, bands=1, count=24):
    """Pictures whose values go from low to high, each in a part of it, as exposures do."""
    made = [
        ramp(48, bands, low + (high - low) * 0.01 * (i % 5), high - (high - low) * 0.02 * (i % 7)) for i in range(count)
    ]
    return [values.astype(dtype) for values in made]


def opened(folder, **options):
    source = open_source(folder, size=32, **options)
    return source, source.fetch(list(range(len(source))))["image"].numpy()


# name -> files, and what their line says of the range
NEIGHBORS = {
    "10-bit-png": (lambda: [png16(v) for v in shades(0, 1023, "uint16")], "uint16, 0 to 1023"),
    "12-bit-png": (lambda: [png16(v) for v in shades(0, 4095, "uint16")], "uint16, 0 to 4095"),
    "12-bit-rgb-tiff": (lambda: [tiff(v) for v in shades(0, 4095, "uint16", 3)], "uint16, 0 to 4095"),
    "12-bit-rgb-png": (lambda: [color_png16(v) for v in shades(0, 4095, "uint16", 3)], "uint16, 0 to 4095"),
    "12-bit-tiff": (lambda: [tiff(v) for v in shades(0, 4095, "uint16")], "uint16, 0 to 4095"),
    "packed-12-bit-tiff": (lambda: [tiff(v, bits=12) for v in shades(0, 4095, "uint16")], "uint16, 0 to 4095"),
    "int16-ct": (lambda: [tiff(v) for v in shades(-700, 900, "int16")], "int16, -700 to 900"),
    "signed-floats": (lambda: [tiff(v) for v in shades(-1, 1, "float32")], "float32, -1 to 1"),
    "20-bit-int32": (lambda: [tiff(v) for v in shades(0, 2**20 - 1, "int32")], "int32, 0 to 1.04858e+06"),
    "uint32": (lambda: [tiff(v) for v in shades(0, 2**32 - 1, "uint32")], "uint32, 0 to 4.29497e+09"),
    "full-uint16-png": (lambda: [png16(v) for v in shades(0, 65535, "uint16")], "uint16, 0 to 65535"),
    "full-uint16-tiff": (lambda: [tiff(v) for v in shades(0, 65535, "uint16")], "uint16, 0 to 65535"),
    "float64": (lambda: [tiff(v) for v in shades(0.1, 0.9, "float64")], "float64, 0.1 to 0.9"),
    "float-rgb": (lambda: [tiff(v) for v in shades(0, 0.4, "float32", 3)], "float32, 0 to 0.4"),
    "half-floats": (lambda: [tiff(v) for v in shades(0, 2, "float16")], "float16, 0 to 2"),
}


@pytest.mark.parametrize("kind", NEIGHBORS)
def test_deep_pictures_have_full_contrast_and_a_line(tmp_path, kind):
    """Black, or two levels, before: 10 bits had 4 levels, 12 bits 15, uint32 2, negative numbers none."""
    files, line = NEIGHBORS[kind]
    source, images = opened(write(tmp_path, files()))
    assert images.min() <= 3 and images.max() >= 250
    assert min(len(np.unique(image)) for image in images) >= 150
    [(level, text)] = source.remarks
    assert level == logging.INFO and line in text and text.endswith("-> 0 to 255")


@pytest.mark.parametrize("budget", [0, 1 << 30])
def test_parts_and_budgets_see_the_same_pixels(tmp_path, budget):
    folder = write(tmp_path, [tiff(v) for v in shades(-700, 900, "int16", count=40)])
    whole = open_source(folder, size=32)
    for split in ("train", "validation", "test"):
        part = open_source(folder, split, size=32, budget=budget, limit=1)
        assert part.pixels == whole.pixels


def test_hot_pixels_and_no_data_do_not_dim_a_set(tmp_path):
    random = np.random.default_rng(0)
    hot, bordered = shades(0, 4095, "uint16"), shades(1000, 3000, "uint16")
    for values, edged in zip(hot, bordered):
        values[tuple(random.integers(0, 48, 2))] = 65535
        edged[:, :5] = 0
        edged[:3] = 65535
    source, images = opened(write(tmp_path / "hot", [png16(values) for values in hot]))
    assert source.pixels.ranges == ((0.0, 4095.0),) and source.pixels.missing == ()
    assert min(len(np.unique(image)) for image in images) >= 150
    source, images = opened(write(tmp_path / "bordered", [tiff(values) for values in bordered]))
    [(low, high)] = source.pixels.ranges
    assert 1000 < low < 1300 and high == 3000 and source.pixels.missing == (0.0, 65535.0)
    assert images[:, 0].max() == 0 and "no data: 0, 65535" in source.remarks[0][1]
    assert "pictures have pixels without a value" in source.remarks[0][1]


@pytest.mark.parametrize("tag", [None, -9999])
def test_declared_and_undeclared_no_data(tmp_path, tag):
    pictures = shades(0, 4095, "int16")
    for values in pictures:
        values[10:20, 10:20] = -9999
    source, images = opened(write(tmp_path, [tiff(values, no_data=tag) for values in pictures]))
    assert source.pixels.ranges == ((0.0, 4095.0),) and source.pixels.missing == (-9999.0,)
    assert images.max() >= 250


def test_what_is_not_finite_becomes_the_low_end(tmp_path):
    pictures = shades(0.0, 0.5, "float32")
    for values in pictures[:9]:
        values[:24] = np.nan
        values[24:26] = np.inf
    source, images = opened(write(tmp_path, [tiff(values) for values in pictures]))
    assert source.pixels.ranges[0] == pytest.approx((0.0, 0.5), abs=0.02)
    assert sorted(image[:14].max() for image in images)[:5] == [0] * 5
    assert "pixels without a value, which become 0" in source.remarks[0][1]


def test_a_constant_set_divides_by_nothing(tmp_path):
    for number, value in enumerate((0, 1000, 65535)):
        _, images = opened(write(tmp_path / str(number), [png16(np.full((20, 20), value))] * 12))
        assert (images == 0).all()
    _, images = opened(write(tmp_path / "nan", [tiff(np.full((20, 20), np.nan, "float32"))] * 12))
    assert (images == 0).all()


def test_a_range_may_be_given(tmp_path):
    folder = write(tmp_path, [png16(v) for v in shades(0, 4095, "uint16")])
    source, images = opened(folder, range=[1000, 2000])
    assert source.pixels.ranges == ((1000.0, 2000.0),) and "as data.range says" in source.remarks[0][1]
    assert (images == 0).mean() > 0.15 and (images == 255).mean() > 0.3
    eight = write(tmp_path / "eight", [save(ramp(48, 3, 0, 100)) for _ in range(12)])
    assert opened(eight, range=[0, 100])[1].max() > 245 and opened(eight)[1].max() <= 100


def test_8_bit_pictures_among_deep_ones_keep_their_values(tmp_path):
    deep = [png16(v) for v in shades(0, 4095, "uint16")]
    grey = np.full((48, 48, 3), 77)
    source, images = opened(
        write(tmp_path, [*deep, *[save(grey), save(grey, "TIFF"), save(grey, "JPEG", quality=100)] * 3])
    )
    assert (images == 77).all(axis=(1, 2, 3)).sum() >= 5
    assert "pictures of 8 bits keep 0 to 255" in source.remarks[0][1]


def test_8_bit_pictures_are_those_they_were(tmp_path):
    from looc_tf.data.ingest import decode_one

    files = [
        save(ramp(40, 3, 0, 255)),
        save(ramp(40, 4, 0, 255)),
        save(ramp(40, 1, 0, 255)),
        save(ramp(40, 3), "TIFF"),
    ] * 5
    source = open_source(write(tmp_path, files), size=16)
    assert source.pixels.plain and not source.remarks
    by_name = dict(zip(source.ids, source.fetch(list(range(len(source))))["image"].numpy()))
    for path in tmp_path.iterdir():
        if path.name in by_name:
            np.testing.assert_array_equal(by_name[path.name], decode_one(path.read_bytes(), 16))


@pytest.mark.parametrize(
    ("bands", "example"), [(2, "[0], or all: data.bands=[0, 1]"), (13, "[3, 2, 1], or all: data.bands=[0, ..., 12]")]
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_other_bands_must_be_named(tmp_path, bands, example, dtype, capfd):
    folder = write(tmp_path, [tiff(v) for v in shades(0, 200, dtype, bands)])
    with pytest.raises(UserError) as caught:
        open_source(folder, size=32)
    assert f"{bands} bands; name those to use: data.bands={example}" in str(caught.value)
    with pytest.raises(UserError, match=f"{bands} bands"):
        open_source(folder, size=32, bands=[bands])
    assert capfd.readouterr().err == ""


def test_named_bands_are_the_channels(tmp_path):
    pictures = shades(0, 3000, "uint16", 13)
    folder = write(tmp_path, [tiff(v, planar=2) for v in pictures])
    source, images = opened(folder, bands=[3, 2, 1])
    assert images.shape[1:] == (32, 32, 3) and len(source.pixels.ranges) == 1 and images.max() > 240
    source, images = opened(folder, bands=list(range(13)))
    assert images.shape[1:] == (32, 32, 13) and len(source.pixels.ranges) == 13
    assert source.element_spec["image"].shape == (32, 32, 13)
    _, one = opened(folder, bands=[7])
    assert one.shape[1:] == (32, 32, 1)
    np.testing.assert_array_equal(one[..., 0], opened(folder, bands=[7], range=source.pixels.ranges[7])[1][..., 0])


def test_each_of_many_bands_has_its_own_range(tmp_path):
    pictures = [np.concatenate([v, v // 10, v // 100, v + 500], axis=-1) for v in shades(0, 4000, "uint16")]
    source, images = opened(write(tmp_path, [tiff(v) for v in pictures]), bands=[0, 1, 2, 3])
    assert [high for _, high in source.pixels.ranges] == [4000, 400, 40, 4500]
    assert images.max(axis=(0, 1, 2)).min() >= 250


def test_bands_of_8_bits_stay_as_they_are(tmp_path):
    pictures = shades(0, 255, "uint8", 4)
    for extra in (None, 2, 0):
        folder = write(tmp_path / str(extra), [tiff(v, extra=extra) for v in pictures])
        source, images = opened(folder, bands=[3, 0])
        assert source.pixels.kind == "uint8" and not source.pixels.ranges
        first = source.ids.index("00.tif") if "00.tif" in source.ids else 0
        raw = pictures[int(source.ids[first][:2])]
        assert abs(images[first].mean(axis=(0, 1)) - raw[..., [3, 0]].mean(axis=(0, 1))).max() < 1


def test_an_alpha_that_is_a_band_is_told(tmp_path):
    """As NAIP writes: red, green, blue and near infrared, the last one declared as alpha."""
    random = np.random.default_rng(0)
    pictures = [np.concatenate([ramp(48, 3, 0, 120), 20 + random.random((48, 48, 1)) * 60], axis=-1) for _ in range(12)]
    folder = write(tmp_path / "naip", [tiff(v.astype(np.uint8), extra=2) for v in pictures])
    [(level, text)] = open_source(folder, size=32).remarks
    assert level == logging.WARNING and "data.bands=[0, 1, 2]" in text and "data.bands=[0, 1, 2, 3]" in text
    cut_out = [np.concatenate([ramp(48, 3, 0, 120), np.full((48, 48, 1), 255)], axis=-1) for _ in range(12)]
    folder = write(tmp_path / "stickers", [tiff(v.astype(np.uint8), extra=2) for v in cut_out])
    assert not open_source(folder, size=32).remarks
    folder = write(tmp_path / "nothing-said", [tiff(v.astype(np.uint8), extra=0) for v in pictures])
    [(level, text)] = open_source(folder, size=32).remarks
    assert level == logging.INFO and "their 4th is dropped" in text


def test_pages_behind_the_first_are_told(tmp_path):
    files = [tiff(v, pages=1 + (i % 2)) for i, v in enumerate(shades(0, 4095, "uint16"))]
    source, _ = opened(write(tmp_path, files))
    assert any("have more pages; the first is read" in text for _, text in source.remarks)
    files = [tiff(v, pages=2) for v in shades(0, 255, "uint8", 3)]
    [(_, text)] = open_source(write(tmp_path / "eight", files), size=32).remarks
    assert "have more pages" in text
