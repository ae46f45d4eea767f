"""A table of encoded pictures with random access: what every reader returns and what a `Source` reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

# row -> the bytes of a picture file, in any format, or uint8 pixels [H, W, 3]
Encoded = Callable[[int], Any]


@dataclass(frozen=True)
class Table:
    """Rows of encoded pictures, read one by one and in any order.

    Attributes:
        ids: [N] object array of str; unique and the same on every machine, so that splits can hang on them.
        splits: [N] array of str; "train", "validation", "test" or "" where the origin declares none.
        labels: label field -> [N] int64 class numbers, -1 where unknown. "label" is always there.
        fields: label field -> class names; empty when the pictures have no labels.
        picture: row -> encoded bytes, or pixels. It may raise: the row is then a broken picture.
        stylized: row -> encoded bytes of the stylised copy, or None where the origin has no such copies.
        skipped: (id, reason) of what could not be listed.
    """

    ids: np.ndarray
    splits: np.ndarray
    labels: Mapping[str, np.ndarray]
    fields: Mapping[str, tuple[str, ...]]
    picture: Encoded
    stylized: Encoded | None = None
    skipped: tuple[tuple[str, str], ...] = ()

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
