"""What all pages have in common: one file that asks for nothing else, may run our own script alone, and its tables."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from looc_tf.results.figure import render


def pages(*loaders: BaseLoader) -> Environment:
    """Templates that may say `{% extends "frame.html" %}`: those of this room, and those that `loaders` find first.

    Whatever they are given is escaped, also as JSON (the filter `tojson`): names come from users' files.
    """
    own = PackageLoader("looc_tf.report", "")
    made = Environment(
        loader=ChoiceLoader([*loaders, own]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    script = inline("page.js")
    made.globals.update(style=inline("page.css"), script=script, script_hash=_hash(script))
    return made


@cache
def inline(name: str) -> Markup:
    """The text of a style sheet or script of this room, to be put into a page as it is."""
    return Markup(files("looc_tf.report").joinpath(name).read_text(encoding="utf-8").strip())


def picture_uri(content: bytes, kind: str = "png") -> str:
    """A picture's file as a `data:` address, so that a page needs no other file."""
    return f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii")


class Drawing(NamedTuple):
    """A figure for a page: its address, and how many pixels of a page it is wide, so that its words are as large as the
    page's own."""

    uri: str
    width: int


def drawing(figure: Figure) -> Drawing:
    """A figure as a page shows it."""
    content = render(figure)
    width = int.from_bytes(content[16:20], "big")  # of a PNG; it has 160 pixels an inch, and a page 96
    return Drawing(picture_uri(content), round(width * 0.6))


def _hash(script: str) -> str:
    """As a content security policy names the one script that may run: what a name smuggles into a page may not."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
