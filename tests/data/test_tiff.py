"""The reader of TIFFs: every layout gives the numbers that were written; what swells or is cut short is refused."""

import contextlib
import io
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from helpers.deep import DEFLATE, LZW, PACKBITS, ramp, tiff
from PIL import Image

from looc_tf.data.ingest import FAULTS, readable
from looc_tf.data.pixels import PLAIN, Pixels
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


def header(tags, order="<", big=False, mark=None, pad=0):
    """A TIFF of a directory alone: (tag, type, count, value or place), and zeros behind it."""
    number = "Q" if big else "I"
    body = b"".join(struct.pack(f"{order}HH{number}{number}", *tag) for tag in tags)
    kind = "II" if order == "<" else "MM"
    first = struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    whole = kind.encode() + first + struct.pack(order + ("Q" if big else "H"), len(tags)) + body + bytes(8 + pad)
    return (mark + whole[4:]) if mark else whole


BASE = [(256, 4, 1, 16), (257, 4, 1, 16), (258, 4, 1, 8), (259, 4, 1, 1), (262, 4, 1, 1), (277, 4, 1, 1)]
BASE += [(278, 4, 1, 16), (273, 4, 1, 8), (279, 4, 1, 256)]
ONE_BLOCK = 52_000  # where all tags point; more than the directory takes


def of_one_block(kind, first=40_000, **options):
    size = {7: 300_000, 5: 37_500, 12: 37_500}.get(kind, 150_000)
    many = [(first + number % 20_000, kind, size, ONE_BLOCK) for number in range(4000)]
    return header(BASE + many, pad=300_000 + ONE_BLOCK, **options)


def sides(height, width, *more, bits=16, offsets=(324, 325), big=False):
    """A page of a few bytes that claims to be large."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 4, 1, bits), (offsets[0], 4, 1, 8), (offsets[1], 4, 1, 2)]
    return header(sorted([*tags, *more]), big=big)


HUGE = {
    "unknown-tags": lambda: of_one_block(7),
    "unknown-shorts": lambda: of_one_block(3),
    "fractions": lambda: of_one_block(5),
    "one-tag-again-and-again": lambda: header(BASE + [(258, 3, 150_000, 9000)] * 400, pad=310_000),
    "many-tags": lambda: header([(40_000, 7, 300_000, 0)] * 5000, pad=300_000),
    "cut-in-the-directory": lambda: of_one_block(7)[:48_000] + bytes(300_000),
    "old-mark-big-endian": lambda: of_one_block(7, order=">", mark=b"MM*\0"),
    "old-mark": lambda: of_one_block(7, mark=b"II\0*"),
    "big-tags": lambda: of_one_block(7, big=True),
    "a-known-tag-of-millions": lambda: header([*BASE[:2], (258, 1, 30_000_000, 200)], pad=30_000_000),
    "tiles": lambda: sides(10_000, 10_000, (322, 4, 1, 1), (323, 4, 1, 1)),
    "tiles-of-8-bits": lambda: sides(10_000, 10_000, (322, 4, 1, 1), (323, 4, 1, 1), bits=8),
    "tiles-of-planes": lambda: sides(900, 900, (322, 4, 1, 1), (323, 4, 1, 1), (277, 4, 1, 500), (284, 4, 1, 2)),
    "rows": lambda: sides(100_000_000, 1, (278, 4, 1, 1), offsets=(273, 279)),
    "planes": lambda: sides(1, 1, (277, 4, 1, 500_000_000), (284, 4, 1, 2), offsets=(273, 279)),
    "big-counts": lambda: sides(10_000, 10_000, (322, 16, 1 << 62, 8), (323, 16, 1, 1), big=True),
    "signed-sides": lambda: sides(0xFFFFFFFF, 0xFFFFFFFF, (277, 9, 1, 0xFFFFFFFF), (278, 4, 1, 1), offsets=(273, 279)),
}


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("kind", HUGE)
def test_a_small_file_takes_little_memory_whatever_its_header_claims(kind, named):
    """By the reader of headers, by that of numbers, and by the whole way, of which Pillow is a part."""
    file, rule = HUGE[kind](), Pixels((0,), ((0.0, 65535.0),), kind="uint16") if named else PLAIN
    started = time.perf_counter()
    tracemalloc.start()
    try:
        with contextlib.suppress(ValueError):
            read_values(read_page(file), MOST)
        with contextlib.suppress(*FAULTS):
            readable(file, 16, rule)
        assert tracemalloc.get_traced_memory()[1] < (60 << 20) + 2 * len(file)
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - started < 5


def test_tiles_that_are_one_block_of_the_file_unpack_to_no_more_than_the_page():
    """Ten thousand tiles of a thousand times the page, all at the same place: hours of work, if they were unpacked."""
    tags = {256: (10_000,), 257: (10_000,), 258: (16,), 277: (1,), 322: (1,), 323: (1 << 27,)}
    tags |= {259: (8,), 324: (8,) * 10_000, 325: (99,) * 10_000}
    with pytest.raises(ValueError, match="no possible size"):
        read_values(Page(bytes(100), "<", tags, False), MOST)


def test_tags_that_are_not_used_may_be_anything():
    whole = header([*BASE, (40_000, 7, 1 << 30, 8), (40_001, 99, 5, 0), (40_002, 2, 0, 0)], pad=300)
    assert read_values(read_page(whole), MOST).shape == (16, 16, 1)
    assert read_page(header([(256, 2, 1, 9), *BASE[1:]])).shape == (16, 0, 1)
