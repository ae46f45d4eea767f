"""Pictures as the numbers that their files hold, where these are more than 8 bits or other than grey and RGB."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from looc_tf.data import tiff
from looc_tf.data.pixels import RGB, Pixels, png, stacked_png, wanted

FORMATS = "BMP DIB GIF JPEG JPEG2000 PNG PPM TGA TIFF WEBP".split()  # no others: Pillow would run a program for some
_PNG = b"\x89PNG\r\n\x1a\n"
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
ALPHA, UNSPECIFIED = "alpha", "unspecified"


@dataclass(frozen=True)
class Raw:
    """The numbers of a picture.

    Attributes:
        values: [H, W, bands], in the units of the file.
        last: what the last of 2 or 4 bands is declared to be: ALPHA, UNSPECIFIED or "".
        missing: the values that the file itself says stand for "no data".
    """

    values: np.ndarray
    last: str = ""
    missing: tuple[float, ...] = ()

    def picture(self, rule: Pixels) -> bytes:
        """The PNG of 8 bits that the rule makes of it, and that `decode_square` reads by the same rule."""
        values, alpha = self._apart(rule)
        if values.dtype == np.uint8:  # what 8 bits become is decided where they are decoded
            colors = rule.pick(values)
        elif rule.kind == "uint8" and rule.ranges:
            raise ValueError(f"{values.dtype} among 8-bit pictures, which data.range is for")
        else:
            colors = rule.scaled(rule.pick(values))
        if rule.bands:
            return stacked_png(colors)
        if alpha is None:
            return png(colors if colors.shape[-1] == RGB else colors[..., 0])
        return png(np.concatenate([np.repeat(colors, RGB // colors.shape[-1], axis=-1), alpha], axis=-1))

    def _apart(self, rule: Pixels) -> tuple[np.ndarray, np.ndarray | None]:
        """Colors and, where one is declared and bands are not named, alpha as uint8 [H, W, 1]."""
        if rule.bands or self.values.shape[-1] not in (2, 4) or not self.last:
            return self.values, None
        colors, alpha = self.values[..., :-1], self.values[..., -1:]
        if self.last == UNSPECIFIED:
            return (colors, None) if colors.shape[-1] == RGB else (self.values, None)
        return colors, opacity(alpha)


def opacity(alpha: np.ndarray) -> np.ndarray:
    """Alpha of any type as uint8: 0 is transparent, the largest number of the type, or 1.0, is opaque."""
    top = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
    return np.rint(np.clip(np.nan_to_num(alpha.astype(np.float64)) / top, 0, 1) * 255).astype(np.uint8)


def read_raw(data: bytes, most_pixels: int, named: bool = False) -> Raw | None:
    """The numbers of an encoded picture; None where it is an ordinary one of 8 bits, which others decode.

    Args:
        data: a picture file.
        most_pixels: it may have.
        named: whether bands are named, so that also those of 8 bits are wanted as they are.

    Raises:
        ValueError: it is broken, too large, or packed in a way that is not read.
    """
    if data.startswith(_PNG):
        return _deep_png(data, most_pixels) if data[24:25] == b"\x10" else None
    if data.startswith(tiff.MARKS):
        page = _page(data)
        return None if page is None or _ordinary(page, named) else _of_page(page, most_pixels)
    if data.startswith((b"\xff\xd8\xff", b"GIF8")):
        return None
    with open_image(data) as image:
        if not image.mode.startswith(("I", "F")) or image.width * image.height > most_pixels:
            return None
        return Raw(np.asarray(image)[..., None])


def is_deep(data: bytes) -> bool:
    """Whether a file holds more than 8 bits a value, by its header alone."""
    if data.startswith(_PNG):
        return data[24:25] == b"\x10"
    page = _page(data) if data.startswith(tiff.MARKS) else None
    return page is not None and page.bits > 8


def check_bands(data: bytes) -> None:
    """Raises a `ValueError` for a TIFF that lacks a part, needs its bands named, or holds no numbers of 8 bits."""
    page = _page(data) if data.startswith(tiff.MARKS) else None
    if page is None:
        return
    tiff.check_places(page)
    if page.value(tiff.PHOTOMETRIC) == tiff.CMYK:
        return
    bands = page.shape[2]
    if bands > 4 or (bands == 2 and page.extra not in tiff.ALPHA):
        raise ValueError(wanted(bands))
    if page.value(tiff.FORMAT, 1) == 3 and (page.bits != 32 or bands != 1):
        raise ValueError(f"{bands} bands of {page.dtype} among 8-bit pictures; name the range: data.range=[low, high]")


def _page(data: bytes) -> tiff.Page | None:
    """The header of a TIFF; None for a broken one, of which Pillow may still make something."""
    try:
        return tiff.read_page(data)
    except ValueError:
        return None


def _ordinary(page: tiff.Page, named: bool) -> bool:
    """Whether a TIFF is of the kind that Pillow has always read here."""
    bands = page.shape[2]
    if page.value(tiff.PHOTOMETRIC) == tiff.CMYK and not named:
        return True
    if page.bits > 8 or page.value(tiff.FORMAT, 1) != 1:
        return False
    if named:
        unpacked = page.value(tiff.COMPRESSION, 1) in (1, 5, 8, 32946, 32773) and page.value(tiff.FILL, 1) == 1
        return page.bits != 8 or not unpacked or page.value(tiff.PHOTOMETRIC, 1) not in (0, 1, 2)
    return bands in (1, 3, 4) or (bands == 2 and page.extra in tiff.ALPHA)


def _of_page(page: tiff.Page, most_pixels: int) -> Raw:
    last = "" if page.extra is None else ALPHA if page.extra in tiff.ALPHA else UNSPECIFIED
    if page.shape[2] == 4 and page.extra is None:
        last = UNSPECIFIED
    return Raw(tiff.read_values(page, most_pixels), last, page.missing)


def _deep_png(data: bytes, most_pixels: int) -> Raw:
    width, height = struct.unpack(">II", data[16:24].ljust(8, b"\0"))
    if not 0 < width * height <= most_pixels:
        raise ValueError(f"{width} x {height} pixels; at most {most_pixels:,} are read")
    values = tf.io.decode_png(tf.constant(data), dtype=tf.uint16).numpy()
    return Raw(values, ALPHA if values.shape[-1] in (2, 4) else "")


def open_image(data: bytes) -> Image.Image:
    """`Image.open`, without its warning of a large picture: there are bounds of our own.

    A filter of warnings would be one of the whole process and of all its threads.

    Raises:
        UnidentifiedImageError: it is of no format that is read.
        ValueError: a TIFF whose header takes more memory than the file, or a format that needs another library.
    """
    Image.init()
    tiff.check_header(data)
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC:
        return _heic()(io.BytesIO(data), "")
    for factory, accept in (Image.OPEN[name] for name in FORMATS if name in Image.OPEN):
        try:
            accepted = accept is None or accept(data[:16])
            if accepted and not isinstance(accepted, str):  # a text says what Pillow lacks to read it
                return factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # not of this format after all, as in `Image.open`
            continue
    raise UnidentifiedImageError


def _heic() -> Callable[[io.BytesIO, str], Image.Image]:
    """The reader of a telephone's pictures, which is not installed with this library."""
    try:
        from pillow_heif.as_plugin import HeifImageFile
    except ImportError as error:
        raise ValueError("HEIC: install pillow-heif") from error
    return HeifImageFile
