"""Class numbers and names of the labels that record files state."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from looc_tf.errors import UserError

MOST_CLASSES = 1_000_000


def from_nought(
    values: list, fields: Mapping[str, tuple[str, ...]], texts: Mapping[int, str]
) -> tuple[list, Mapping[str, tuple[str, ...]]]:
    """Class numbers from 0 on where they were from 1 on, or have names of their own that no file beside them gives."""
    numbers = {value for value in values if isinstance(value, int) and value >= 0}
    names = fields.get("label")
    if not numbers or any(isinstance(value, str) for value in values):
        return values, fields
    if names:
        first = 1 if min(numbers) == 1 and max(numbers) == len(names) else 0
        return [value - first if value >= 0 else value for value in values], fields
    if not texts and (len(numbers) < 2 or numbers != set(range(1, max(numbers) + 1))):
        return values, fields
    order = sorted(texts) if texts else list(range(1, max(numbers) + 1))
    place = {number: position for position, number in enumerate(order)}
    named = tuple(texts.get(number, str(number)) for number in order)
    return [place.get(value, -1) for value in values], {**fields, "label": named}


def numbered(name: str, values: list, classes: tuple[str, ...] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers and names of a label field; string labels are numbered in sorted order."""
    texts = {value for value in values if isinstance(value, str)}
    if texts:
        classes = classes if classes and texts <= set(classes) else tuple(sorted(texts))
        numbers = {text: number for number, text in enumerate(classes)}
        values = [numbers.get(value, -1) for value in values]
    array = np.array(values, np.int64)
    top = int(array.max(initial=-1))
    if classes and top >= len(classes):
        raise UserError(
            f"Expected {name!r} below {len(classes)}, the number of class names. Received {top}. Correct the names."
        )
    if not classes and top >= MOST_CLASSES:
        raise UserError(
            f"Expected {name!r} below {MOST_CLASSES:,}, a class number. Received {top}. Number the classes from 0."
        )
    return array, classes or tuple(str(number) for number in range(top + 1))
