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


def huge_png(width=20_000, height=20_000):
    """A complete header of so many pixels, over data that would only show at decoding that there are none."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def exif(orientation):
    """A JPEG that asks to be turned."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    return save(_pixels(), "JPEG", exif=tags, quality=95)


@functools.cache
def odd_pictures():
    """All of them."""
    rgb, color = _pixels(), Image.fromarray(_pixels().astype(np.uint8))
    jpeg, png, gif, bmp = save(rgb, "JPEG"), save(rgb), save(color.quantize(16), "GIF"), save(rgb, "BMP")
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
        **{f"turned-{orientation}.jpg": exif(orientation) for orientation in (1, 3, 6, 8)},
        "turned-wrongly.jpg": exif(99),
        "trailing.png": png + b"more" * 100,
    }
    bad = {
        "bad-empty.jpg": b"",
        "bad-text.png": b"This is not a picture.\n" * 20,
        "bad-page.jpg": b"<!DOCTYPE html><html></html>",
        "bad-mark-only.jpg": jpeg[:3],
        "bad-mark-only.png": png[:8],
        "bad-half.jpg": noise[: len(noise) // 2],
        "bad-tenth.jpg": noise[: len(noise) // 10],
        "bad-half.png": png[: len(png) // 2],
        "bad-header.png": png[:29],
        "bad-half.bmp": bmp[: len(bmp) // 2],
        "bad-header.gif": gif[:20],
        "bad-flipped.png": png[:60] + bytes([png[60] ^ 0xFF]) + png[61:],
        "bad-huge.png": huge_png(),
    }
    return {**good, **bad}


@functools.cache
def other_formats():
    """Pictures in formats that TensorFlow has no decoder for, and Pillow has."""
    color = Image.fromarray(_pixels().astype(np.uint8))
    return {f"other.{kind.lower()}": save(color, kind) for kind in ("WEBP", "TIFF", "PPM", "TGA")}
