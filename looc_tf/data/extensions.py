"""Which files are pictures: by their extension and, where they have none, by their first bytes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path, PurePath

EXTENSIONS = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .bmp .dib .webp .tif .tiff .ppm .pgm .pbm .pnm .tga .jp2".split()
)
PHONE_EXTENSIONS = frozenset(".heic .heif .avif".split())  # of pictures where pillow-heif is installed
WITHOUT = "without extension"

_EXTENSION = re.compile(r"\.[a-z][a-z0-9]{0,7}", re.ASCII)  # what else stands behind a dot is part of a name
_SIGNATURES = (
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM.{4}\0\0\0\0|RIFF.{4}WEBP|II[*+]\0|MM\0[*+]"
    rb"|\0\0\0\x0cjP  |\xff\x4f\xff\x51|P[1-6]\s[\s\d#]"
)
_PICTURE = re.compile(_SIGNATURES, re.DOTALL)
_PHONE_PICTURE = re.compile(rb".{4}ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1|avi[fs])", re.DOTALL)


def reads_phones() -> bool:
    """Whether HEIC, HEIF and AVIF can be read here."""
    return importlib.util.find_spec("pillow_heif") is not None


def is_picture(path: Path) -> bool:
    """Whether a file is a picture: its extension says so or, where it has none, its first bytes do.

    Raises:
        OSError: it has no extension and cannot be read, such as a link to nothing.
    """
    extension = extension_of(path)
    if extension:
        return extension in EXTENSIONS or (extension in PHONE_EXTENSIONS and reads_phones())
    if not path.is_file():
        path.stat()  # which names what is wrong with a link
        return False
    with open(path, "rb") as file:
        return has_signature(file.read(16))


def has_signature(data: bytes) -> bool:
    """Whether bytes begin as a picture does that can be read here."""
    return bool(_PICTURE.match(data) or (_PHONE_PICTURE.match(data) and reads_phones()))


def extension_of(path: PurePath) -> str:
    """The extension in lower case; "" where there is none: `.8f00` of a hash is a part of the name."""
    suffix = path.suffix.lower()
    return suffix if _EXTENSION.fullmatch(suffix) else ""


def kind(path: PurePath) -> str:
    """How a file that is no picture is counted: by its extension."""
    return extension_of(path) or WITHOUT
