"""The reader of TIFFs: every layout gives the numbers that were written; what swells or is cut short is refused."""

import contextlib
import io
import tracemalloc
import zlib

import numpy as np
import pytest
from helpers.deep import DEFLATE, LZW, PACKBITS, ramp, tiff
from PIL import Image

from looc_tf.data.tiff import Page, read_page, read_values

MOST = 100_000_000


def values(dtype, bands, side=21):
    made = ramp(side, bands, -1 if np.dtype(dtype).kind != "u" else 0)
    scale = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    return (made * scale).astype(dtype)


LAYOUTS = {
    "plain": {},
    "big-endian": {"order": ">"},
    "big": {"big": True},
    "big-big-endian": {"big": True, "order": ">"},
    "strips": {"rows": 4},
    "planes": {"planar": 2, "rows": 8},
    "tiles": {"tile": (16, 32)},
    "planes-of-tiles": {"planar": 2, "tile": (16, 16)},
    "lzw": {"compression": LZW, "rows": 5},
    "lzw-differences": {"compression": LZW, "predictor": 2},
    "packbits": {"compression": PACKBITS, "rows": 7},
    "deflate": {"compression": DEFLATE, "tile": (16, 16)},
    "deflate-differences": {"compression": DEFLATE, "predictor": 2, "order": ">"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("dtype", "bands"), [("uint8", 5), ("uint16", 13), ("int16", 1), ("uint32", 2), ("float32", 3)]
)
def test_every_layout_gives_the_numbers_that_were_written(layout, dtype, bands):
    written = values(dtype, bands)
    page = read_page(tiff(written, **LAYOUTS[layout]))
    read = read_values(page, MOST)
    assert read.dtype == written.dtype and not page.more
    np.testing.assert_array_equal(read, written)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("order", "<>")
def test_the_floating_predictor(dtype, order):
    written = values(dtype, 4)
    file = tiff(written, compression=DEFLATE, predictor=3, order=order)
    np.testing.assert_array_equal(read_values(read_page(file), MOST), written)


@pytest.mark.parametrize("bits", [1, 4, 10, 12, 14, 20])
@pytest.mark.parametrize("bands", [1, 3])
def test_numbers_of_odd_sizes(bits, bands):
    written = (ramp(21, bands) * (2**bits - 1)).astype("uint32")
    np.testing.assert_array_equal(read_values(read_page(tiff(written, bits=bits, rows=4)), MOST), written)


def test_reads_what_pillow_writes():
    written = (ramp(30)[..., 0] * 65535).astype(np.uint16)
    for options in ({}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}):
        out = io.BytesIO()
        Image.fromarray(written).save(out, "TIFF", **options)
        np.testing.assert_array_equal(read_values(read_page(out.getvalue()), MOST)[..., 0], written)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_is_turned_upright_as_pillow_does(orientation):
    from PIL import ImageOps

    written = (ramp(9)[:6, :, 0] * 255).astype(np.uint8)
    file = tiff(written, orientation=orientation)
    with Image.open(io.BytesIO(file)) as image:
        right = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_values(read_page(file), MOST)[..., 0], right)


def test_a_smaller_copy_or_a_mask_is_no_page():
    written = values("uint16", 1)
    assert read_page(tiff(written, pages=2)).more
    assert (
        not read_page(tiff(written, pages=2, subfile=1)).more and not read_page(tiff(written, pages=2, subfile=4)).more
    )


def test_no_data_as_gdal_writes_it():
    assert read_page(tiff(values("int16", 1), no_data=-9999)).missing == (-9999.0,)
    assert read_page(tiff(values("int16", 1), no_data="nan")).missing == ()
    assert read_page(tiff(values("int16", 1))).missing == ()


def test_what_is_broken_is_refused_in_one_line():
    whole = tiff(values("uint16", 13), rows=4)
    for cut in range(0, len(whole), 97):
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            read_values(read_page(whole[:cut]), MOST)


def test_nothing_swells():
    """A strip that would unpack to more than the header claims is cut there; too large a header is refused."""
    bomb = zlib.compress(bytes(200 << 20), 9)
    small = tiff(values("uint16", 5), compression=DEFLATE)
    packed = zlib.compress(values("uint16", 5).tobytes())
    at = small.index(packed)
    swollen = small[:at] + small[at:].replace(packed, bomb[: len(packed)])
    tracemalloc.start()
    with contextlib.suppress(ValueError):
        read_values(read_page(swollen), MOST)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    with pytest.raises(ValueError, match="at most 100 are read"):
        read_values(read_page(small), 100)
    tags = {256: (8,), 257: (8,), 258: (16,), 277: (1,), 322: (1 << 20,), 323: (1 << 20,), 324: (8,), 325: (8,)}
    with pytest.raises(ValueError, match="no possible size"):
        read_values(Page(bytes(100), "<", tags, False), MOST)
