"""Picture files of every awkward kind, name -> bytes; what begins with `bad` must be refused."""

import functools
import io
import struct
import zlib

import numpy as np
from PIL import Image


def _pixels(height=40, width=60, channels=3, top=255):
    rows, columns = np.mgrid[:height, :width]
    planes = [top * rows / height, top * columns / width, top * (rows + columns) / (height + width), top - rows * 0]
    return np.stack(planes[:channels], axis=-1)


def save(image, kind="PNG", **options):
    """The bytes of a Pillow image, or of an array, as a file."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image.astype(np.uint8).squeeze())
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind, data):
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data, *, depth=8, color=2, interlace=0, extra=b""):
    """A PNG of these rows, each with its filter byte before it, compressed already; `extra` are chunks before them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def flat_png(width, height, pixel=b"\x20\x60\xa0", **options):
    """One color everywhere: a thousandth of a byte a pixel, so that a bomb is a small file."""
    row, press = b"\0" + pixel * width, zlib.compressobj(9)
    data = b"".join([*(press.compress(row) for _ in range(height)), press.flush()])
    return png(width, height, data, color={3: 2, 4: 6}[len(pixel)], **options)


def huge_png(width=20_000, height=20_000):
    """A complete header of so many pixels, over data that would only show at decoding that there are none."""
    return png(width, height, zlib.compress(bytes(1000)))


def interlaced_png(side=8):
    """Adam7: seven passes, each a picture of its own."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    image = _pixels(side, side).astype(np.uint8)
    rows = [b"\0" + row.tobytes() for x, y, dx, dy in passes for row in image[y::dy, x::dx]]
    return png(side, side, zlib.compress(b"".join(rows)), interlace=1)


def gif_frames(side, frames):
    """So many frames of one color: 3,000 pixels a byte."""
    whole = save(Image.new("P", (side, side)), "GIF")
    start = 13 + (3 << (whole[10] % 8 + 1) if whole[10] & 0x80 else 0)
    return whole[:start] + whole[start:-1] * frames + b";"


def gif_of_a_large_frame(gif, side=20_000):
    """The screen stays small, the frame does not."""
    at = gif.index(b"\x2c\0\0\0\0", 13) + 5
    return gif[:at] + struct.pack("<HH", side, side) + gif[at + 4 :]


def deflated(kind, head, megabytes):
    """A chunk of zeros that the decoder would have to unpack: a thousandth of their size."""
    return chunk(kind, head + zlib.compress(bytes(megabytes << 20), 9))


def jpeg_of(jpeg, width, height):
    """The same data under a header that claims another size."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]


def many_scans(side, scans):
    """A progressive JPEG whose last scan comes so often: each takes 31 bytes and a walk through all of the picture."""
    whole = save(np.zeros((side, side, 3)), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * scans + whole[-2:]


def exif(orientation):
    """A JPEG that asks to be turned."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    return save(_pixels(), "JPEG", exif=tags, quality=95)


@functools.cache
def odd_pictures():
    """All of them."""
    rgb, color = _pixels(), Image.fromarray(_pixels().astype(np.uint8))
    jpeg, whole, gif, bmp = save(rgb, "JPEG"), save(rgb), save(color.quantize(16), "GIF"), save(rgb, "BMP")
    frames = [Image.fromarray(np.roll(rgb, 9 * i, axis=1).astype(np.uint8)).quantize(16) for i in range(3)]
    noise = save(np.random.default_rng(0).integers(0, 256, (90, 120, 3)), "JPEG", quality=95)
    good = {
        "grey.jpg": save(_pixels(channels=1), "JPEG"),
        "grey.png": save(_pixels(channels=1)),
        "one-bit.png": save(color.convert("1")),
        "grey-16-bit.png": save(Image.fromarray(_pixels(channels=1, top=65535).squeeze().astype(np.uint16))),
        "grey-alpha.png": save(color.convert("LA")),
        "alpha.png": save(_pixels(channels=4)),
        "transparent.png": save(Image.new("RGBA", (30, 30), (0, 0, 0, 0))),
        "palette.png": save(color.quantize(16)),
        "palette-transparent.png": save(color.quantize(16), transparency=3),
        "interlaced-by-size.png": save(_pixels(33, 31)),
        "cmyk.jpg": save(color.convert("CMYK"), "JPEG"),
        "progressive.jpg": save(rgb, "JPEG", progressive=True),
        "marks-behind.jpg": jpeg + b"\xff\xda" * 50,  # of pictures in a film that a telephone put there
        "noise-behind.jpg": jpeg + np.random.default_rng(1).bytes(1 << 21),
        "coarse.jpg": save(rgb, "JPEG", quality=1, subsampling=2),
        "plain.gif": gif,
        "moving.gif": save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50),
        "plain.bmp": bmp,
        "palette.bmp": save(color.quantize(256), "BMP"),
        "alpha.bmp": save(_pixels(channels=4), "BMP"),
        "one-pixel.png": save(_pixels(1, 1)),
        "one-pixel.jpg": save(_pixels(1, 1), "JPEG"),
        "flat.png": save(_pixels(1, 5000)),
        "thin.png": save(_pixels(5000, 1)),
        "thin.jpg": save(_pixels(5000, 1), "JPEG"),
        "large.jpg": save(_pixels(1500, 2000), "JPEG"),
        **{f"turned-{orientation}.jpg": exif(orientation) for orientation in range(1, 9)},
        "turned-wrongly.jpg": exif(99),
        "trailing.png": whole + b"more" * 100,
        "flat.jpg": save(_pixels(1, 5000), "JPEG"),
        "interlaced.png": interlaced_png(),
        "color-16-bit.png": png(9, 7, zlib.compress(bytes(7 * (1 + 9 * 6))), depth=16),
        "moving.png": save(frames[0], save_all=True, append_images=frames[1:], duration=50),
        "is-a-png.jpg": whole,
        "is-a-jpeg.png": jpeg,
        "is-a-gif.bmp": gif,
        "page-behind.jpg": jpeg + b"<script>alert(1)</script>",
        "page-within.jpg": save(rgb, "JPEG", comment=b"<html><script>alert(1)</script></html>"),
        "archive-behind.png": whole + b"PK\5\6" + bytes(18),
        "odd-chunk-wrong-sum.png": flat_png(9, 9, extra=chunk(b"teXt", b"k\0v")[:-1] + b"!"),
        "swollen-profile.png": flat_png(9, 9, extra=deflated(b"iCCP", b"k\0\0", 50)),
        "swollen-text.png": flat_png(9, 9, extra=deflated(b"zTXt", b"k\0\0", 7) * 3),
        "thousands-of-frames.gif": gif_frames(64, 10_000),
        "large-frames.gif": gif_frames(1000, 300),
    }
    bad = {
        "bad-empty.jpg": b"",
        "bad-text.png": b"This is not a picture.\n" * 20,
        "bad-page.jpg": b"<!DOCTYPE html><html></html>",
        "bad-mark-only.jpg": jpeg[:3],
        "bad-mark-only.png": whole[:8],
        "bad-half.jpg": noise[: len(noise) // 2],
        "bad-tenth.jpg": noise[: len(noise) // 10],
        "bad-half.png": whole[: len(whole) // 2],
        "bad-header.png": whole[:29],
        "bad-half.bmp": bmp[: len(bmp) // 2],
        "bad-header.gif": gif[:20],
        "bad-flipped.png": whole[:60] + bytes([whole[60] ^ 0xFF]) + whole[61:],
        "bad-huge.png": huge_png(),
        "bad-huge.jpg": jpeg_of(jpeg, 20_000, 20_000),
        "bad-huge.gif": gif[:6] + struct.pack("<HH", 20_000, 20_000) + gif[10:],
        "bad-huge-frame.gif": gif_of_a_large_frame(gif),
        "bad-huge.bmp": bmp[:18] + struct.pack("<ii", 20_000, 20_000) + bmp[26:],
        "bad-scans.jpg": many_scans(64, 3000),
        "bad-nothing.png": png(0, 0, b""),
        "bad-no-frame.gif": gif[:13] + b";",
        "bad-wrong-sum.png": whole[:29] + b"\0\0\0\0" + whole[33:],
        "bad-drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "bad-program.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(owned) (w) file\n",
        "bad-zeros.bmp": bytes(5000),
        **{
            f"bad-cut-{eighths}-of-8.{kind}": data[: len(data) * eighths // 8]
            for kind, data in (("jpg", noise), ("png", whole), ("gif", gif), ("bmp", bmp), ("webp", save(rgb, "WEBP")))
            for eighths in (1, 3, 5, 7)
        },
    }
    return {**good, **bad}


@functools.cache
def other_formats():
    """Pictures in formats that TensorFlow has no decoder for, and Pillow has."""
    color = Image.fromarray(_pixels().astype(np.uint8))
    deep = Image.fromarray(_pixels(channels=1, top=65535).squeeze().astype(np.uint16))
    return {
        **{f"other.{kind.lower()}": save(color, kind) for kind in ("WEBP", "TIFF", "PPM", "TGA")},
        "other-moving.webp": save(color, "WEBP", save_all=True, append_images=[color.rotate(90)] * 3),
        "other-alpha.webp": save(_pixels(channels=4), "WEBP", lossless=True),
        "other-deep.tiff": save(deep, "TIFF"),
        "other-cmyk.tiff": save(color.convert("CMYK"), "TIFF", compression="tiff_lzw"),
        "other-named.jpg": save(color, "WEBP"),
    }
