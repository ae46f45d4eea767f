"""Decoded pictures in memory, and which of a set are known to be broken, so that none must be decoded to find out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from looc_tf.data import stored
from looc_tf.data.pixels import Pixels
from looc_tf.data.stored import texts, texts_of
from looc_tf.data.table import Table

WORTH = 1000  # pictures: fewer are decoded as soon as this is looked up


class Held:
    """The pictures of a source: all of them, or as many as were asked for so far.

    Args:
        images: uint8 [N, S, S, C].
        copies: stylised ones, likewise; None for none.
        ready: bool [N], which are decoded.

    Memory that was never written to takes no room, so that of many pictures a start holds but a few.
    """

    def __init__(self, images: np.ndarray, copies: np.ndarray | None, ready: np.ndarray):
        self.images, self.copies, self.ready = images, copies, ready

    @classmethod
    def none_yet(cls, count: int, size: int, channels: int) -> Held:
        """Of so many pictures, none of which is decoded."""
        return cls(np.zeros((count, size, size, channels), np.uint8), None, np.zeros(count, bool))

    def put(self, row: int, image: np.ndarray) -> None:
        """Several threads may put the same picture."""
        self.images[row] = image
        self.ready[row] = True

    def take(self, rows: np.ndarray) -> Held:
        """Of these rows, in this order."""
        copies = None if self.copies is None else self.copies[rows]
        return Held(self.images[rows], copies, self.ready[rows])


def known_broken(table: Table, size: int, rule: Pixels) -> np.ndarray | None:
    """Rows of pictures that were broken when all were decoded; None where nobody knows.

    They are to be tried again, since they may have been mended. A sound one that breaks is found when it is fetched.
    """
    if table.checked:
        return np.zeros(0, np.int64)
    kept = stored.read(_place(table, size, rule))
    try:
        names = None if kept is None else set(texts_of(kept, "broken"))
    except (ValueError, KeyError):
        return None
    return None if names is None else np.array([row for row, name in enumerate(table.ids) if name in names], np.int64)


def keep_broken(table: Table, size: int, rule: Pixels, names: Iterable[str]) -> None:
    """Keeps which pictures of a set are broken, for the next start."""
    place = _place(table, size, rule)
    if place is not None:
        stored.write(place, texts("broken", list(names)))


def _place(table: Table, size: int, rule: Pixels) -> Path | None:
    if not table.stamp or table.stylized is not None or len(table) < WORTH:
        return None
    names = hashlib.sha256("\0".join(table.ids).encode("utf-8", "backslashreplace")).hexdigest()
    return stored.place("broken", table.stamp, names, size, rule.record())
