"""A table of encoded pictures with random access: what every reader returns and what a `Source` reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from looc_tf.data.pixels import Pixels

RULES = 2  # of reading folders and drawing parts; by rules 1 runs go on that were begun before there were others
Encoded = Callable[[int], Any]  # row -> the bytes of a picture file, in any format, or intensities [H, W, bands]


@dataclass(frozen=True)
class Table:
    """Rows of encoded pictures, read one by one and in any order.

    Attributes:
        ids: [N] object array of str; unique and the same on every machine, so that splits can hang on them.
        splits: [N] array of str; "train", "validation", "test", "pool" for training pictures beside them that carry no
            split, or "" where the origin declares none.
        labels: label field -> [N] int64 class numbers, -1 where unknown. "label" is always there.
        fields: label field -> class names; empty when the pictures have no labels.
        picture: row -> encoded bytes, or pixels. It may raise: the row is then a broken picture.
        stylized: row -> encoded bytes of the stylised copy, or None where the origin has no such copies.
        skipped: (id, reason) of what could not be listed.
        passed_over: kind -> how many files of that kind lie there and are not among the rows; a kind is an extension
            (".heic"), or words: "without extension", "masks", "folders seen already".
        rules: by which its parts are drawn, see `splits.assign`.
        notes: what else is to be said of how the set was read, a line each: where labels come from that no folder told.
        pixels: the rule by which they became 8 bits, where they were written so and it was recorded beside them.
        stamp: changes when pictures come, go or change places; "" where nothing tells.
        assigned: whether `splits` are the parts already, as they were written.
        checked: whether each picture was decoded when it was written, so that none of them is broken.
        held: pixels of the side of the squares that they were written as; None for pictures as they came.
    """

    ids: np.ndarray
    splits: np.ndarray
    labels: Mapping[str, np.ndarray]
    fields: Mapping[str, tuple[str, ...]]
    picture: Encoded
    stylized: Encoded | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rules: int = RULES
    pixels: Pixels | None = None
    stamp: str = ""
    assigned: bool = False
    checked: bool = False
    held: int | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> Table:
        """The table of these rows, in this order."""
        rows = np.asarray(rows, np.int64)
        picture, stylized = self.picture, self.stylized
        return replace(
            self,
            ids=self.ids[rows],
            splits=self.splits[rows],
            labels={name: values[rows] for name, values in self.labels.items()},
            picture=lambda row: picture(int(rows[row])),
            stylized=stylized and (lambda row: stylized(int(rows[row]))),
        )


def objects(values: list) -> np.ndarray:
    """A one-dimensional object array (NumPy would make a matrix of equal-length strings' characters otherwise)."""
    array = np.empty(len(values), object)
    array[:] = values
    return array
