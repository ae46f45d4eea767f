"""The accuracy of a network that names the classes itself: nothing is fitted, the most probable class counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Optional

import numpy as np

from looc_tf.errors import UserError, shown
from looc_tf.evaluate.features import UPRIGHT, Embed, Progress, extract
from looc_tf.evaluate.protocol import Reading
from looc_tf.representations import PROBABILITIES

if TYPE_CHECKING:
    from looc_tf.data import Source


def classifier_readings(
    embed: Embed,
    sources: Mapping[str, Source],
    class_names: Sequence[str],
    batch: int = 256,
    progress: Optional[Progress] = None,
) -> list[Reading]:
    """`object`, the percentage of labelled pictures whose class is named, and `balanced`, its mean over the classes.

    Args:
        embed: uint8 images [B, S, S, 3] -> {"probabilities": float32 [B, C], ...}.
        sources: the part "test" and, where there is one, "validation"; their classes may be some of `class_names`.
        class_names: of the columns.
        batch: pictures at a time.
        progress: called with (stage, done, total).

    Raises:
        UserError: the pictures have no labels, or a class that the network does not know.
    """
    parts = {part: sources[part] for part in ("validation", "test") if part in sources}
    total, done = sum(map(len, parts.values())), 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress("Classifying", done, total)

    named = {part: _named(embed, source, class_names, batch, report) for part, source in parts.items()}
    rows = {part: len(labels) for part, (_, labels) in named.items()}
    readings = []
    for probe, measure in (("object", accuracy), ("balanced", balanced_accuracy)):
        values = {part: round(measure(*pair), 4) for part, pair in named.items()}
        chance = round(100.0 / len(class_names), 4)
        validation = values.get("validation", float("nan"))
        readings.append(Reading(PROBABILITIES, probe, values["test"], chance, validation, rows=rows))
    return readings


def accuracy(named: np.ndarray, labels: np.ndarray) -> float:
    """Percent of pictures that are named right; NaN of none."""
    return 100.0 * float(np.mean(named == labels)) if len(labels) else float("nan")


def balanced_accuracy(named: np.ndarray, labels: np.ndarray) -> float:
    """The same for each class that occurs, and then the mean: a rare class counts as much as a frequent one.

    >>> balanced_accuracy(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1]))
    50.0
    """
    each = [accuracy(named[labels == label], labels[labels == label]) for label in np.unique(labels)]
    return float(np.mean(each)) if each else float("nan")


def majority(train: np.ndarray, test: np.ndarray) -> float:
    """The accuracy on `test`, in percent, of always naming the most frequent class of `train`; -1 is no label.

    >>> majority(np.array([0, 1, 1]), np.array([0, 0, 0, 1]))
    25.0
    """
    known = train[train >= 0]
    return accuracy(np.full(int((test >= 0).sum()), np.bincount(known).argmax()), test[test >= 0])


def _named(
    embed: Embed, source: Source, class_names: Sequence[str], batch: int, report: Callable[[int], None]
) -> tuple[np.ndarray, np.ndarray]:
    """The column of the most probable class of each labelled picture, and that of its own."""
    columns = _columns(source, class_names)
    rows = np.flatnonzero(source.labels["label"] >= 0)
    features = extract(embed, source, rows, (UPRIGHT,), batch, report)
    return features.of(UPRIGHT, PROBABILITIES).argmax(axis=1), columns[features.labels["label"]]


def _columns(source: Source, class_names: Sequence[str]) -> np.ndarray:
    """Label of a source -> column of the network, by the names of the classes."""
    names = source.fields.get("label", ())
    if not names or (source.labels["label"] < 0).all():
        raise UserError(f"The classifier is measured on labels. The {source.split} part of {source.name!r} has none.")
    strange = [name for name in names if name not in class_names]
    if strange:
        raise UserError(
            f"The classifier names {len(class_names)} classes. {source.name!r} has {len(names)}, of which "
            f"{shown(strange[0])} is none of them. Measure it on pictures of those classes, or fine-tune on these."
        )
    return np.array([list(class_names).index(name) for name in names])
