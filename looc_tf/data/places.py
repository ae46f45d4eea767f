"""Where pictures are said to be: a place on this machine, or why a text names none."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from looc_tf.errors import UserError, nearest, shown

EXPECTED = "Expected a folder of pictures, TFRecord files or a TFDS name"
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.I)
_SIGNS = {  # what a path may hold that a shell or another system would have understood
    "$": "Nothing behind $ is filled in here: write it out.",
    "'": "The quotes are part of the name here: leave them out.",
    '"': "The quotes are part of the name here: leave them out.",
    "\\": "Folders are separated by / here.",
}
_MOST = 10_000  # neighbours that are looked at for a near name


def place_of(name: object) -> str:
    """What a name means on this machine, `~` filled in and `file:///x` as `/x`.

    Raises:
        UserError: it is no text or path, is empty, or is the address of a bucket or a page.
    """
    if not isinstance(name, (str, os.PathLike)):
        raise UserError(f"{EXPECTED}, as one text or path. Received {shown(name)} ({type(name).__name__}).")
    text = os.fsdecode(name)
    if not text:
        raise UserError(f"{EXPECTED}. Received an empty text.")
    if not _SCHEME.match(text):
        return os.path.expanduser(text)
    if text.lower().startswith("file://"):
        return unquote(urlsplit(text.replace("?", "%3F").replace("#", "%23")).path)
    kind = "web pages" if text.lower().startswith("http") else "buckets"
    remedy = "Download it" if kind == "web pages" else "Copy it, or mount it,"
    raise UserError(f"{EXPECTED}. {shown(text)}: {kind} are not read. {remedy} and name the folder.")


def is_path(text: str) -> bool:
    """Whether a text can only be meant as a path: no TFDS name begins or is written like this."""
    return text.startswith((".", "~", os.sep)) or any(sign in text for sign in _SIGNS) or text[1:3] == ":/"


def missing(text: str) -> UserError:
    """The error for a path that is not there, with what there is of it and the nearest name."""
    path = Path(text)
    sign = next((remedy for sign, remedy in _SIGNS.items() if sign in text), "")
    if os.sep == "\\" and sign == _SIGNS["\\"]:
        sign = ""
    where = "" if path.is_absolute() else f" (looked in {Path.cwd()})"
    parent = next((folder for folder in path.parents if folder.is_dir()), Path())
    part = path.parts[len(parent.parts)] if len(path.parts) > len(parent.parts) else ""
    there = "" if parent == Path() else f"; {str(parent)!r} does, without {part!r} in it"
    near = nearest(part, (str(name) for name in beside(parent)))
    return UserError(f"{EXPECTED}. {shown(text)} does not exist{where}{there}. {near}{sign}".strip())


def beside(folder: Path) -> list[str]:
    """Names in a folder, at most so many that one can look at them all."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in itertools.islice(entries, _MOST) if not entry.name.startswith(".")]
    except OSError:
        return []


def same_place(data: str, other: str) -> bool:
    """Whether two names mean the same pictures."""
    return data == other or os.path.realpath(os.path.expanduser(data)) == os.path.realpath(os.path.expanduser(other))
