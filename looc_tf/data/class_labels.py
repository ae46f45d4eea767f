"""Labels as somebody has them in memory, to class numbers and their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from looc_tf.errors import UserError, shown, unknown

MOST = 1_000_000  # class numbers without names


def class_labels(labels: Any, count: int, classes: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers int64 [N], -1 where there is no label, and the names of the classes; no names without labels.

    Args:
        labels: None, [N] or [N, 1] whole numbers or names, or [N, classes] one-hot.
        count: how many pictures there are.
        classes: the names, where they are known.

    Raises:
        UserError: labels of another kind or number, or one that is no class.
    """
    names = tuple(map(str, classes)) if classes is not None else None
    if names and len(set(names)) < len(names):
        raise UserError(f"Expected classes of different names. Received {shown(names)}.")
    if labels is None:
        return np.full(count, -1, np.int64), ()
    values = _column(labels)
    if len(values) != count:
        raise UserError(f"Expected a label for each of {count} pictures. Received {len(values)} labels.")
    numbers, found = _named(values, names) if values.dtype.kind in "OUS" else _numbered(values, names)
    return numbers, (found if (numbers >= 0).any() or names else ())


def _column(labels: Any) -> np.ndarray:
    """[N]: a column as a row, one-hot rows as the numbers of their ones."""
    try:
        values = np.asarray(labels)
    except ValueError as error:
        raise UserError("Expected one label for each picture. Received lists of different lengths.") from error
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "biuf":
        ones = np.asarray(values == 1)
        if not (ones | (values == 0)).all() or (ones.sum(axis=1) > 1).any():
            raise UserError(
                "Expected one label for each picture. Received rows that are not one-hot; give [N] numbers."
            )
        values = np.where(ones.any(axis=1), ones.argmax(axis=1), -1)
    if values.ndim != 1:
        raise UserError(f"Expected labels [N]. Received {list(values.shape)}.")
    return values


def _numbered(values: np.ndarray, names: tuple[str, ...] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -1, values)
    if values.dtype.kind not in "biuf" or (values.dtype.kind == "f" and (values != np.rint(values)).any()):
        raise UserError(f"Expected labels that are whole numbers or names. Received {values.dtype}.")
    numbers = values.astype(np.int64)
    least, most = (int(numbers.min()), int(numbers.max())) if len(numbers) else (-1, -1)
    bound = len(names) if names else MOST
    if least < -1 or most >= bound:
        raise UserError(f"Expected class numbers from 0 to {bound - 1}, or -1 for none. Received {least} to {most}.")
    return numbers, names or tuple(str(number) for number in range(most + 1))


def _named(values: np.ndarray, names: tuple[str, ...] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    texts = [_text(value) for value in values]
    names = names or tuple(sorted({text for text in texts if text is not None}))
    places = {name: number for number, name in enumerate(names)}
    strange = next((text for text in texts if text is not None and text not in places), None)
    if strange is not None:
        raise unknown("label", strange, names)
    return np.array([-1 if text is None else places[text] for text in texts], np.int64), names


def _text(value: Any) -> str | None:
    """A name; None where there is none, as pandas writes it too."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
