"""The accuracy of a network that names the classes itself: nothing is fitted, the most probable class counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Optional

import numpy as np

from looc_tf.errors import UserError, shown
from looc_tf.evaluate.features import UPRIGHT, Embed, Progress, extract
from looc_tf.evaluate.probe_result import Rows, accuracy, balanced_accuracy, majority_share
from looc_tf.evaluate.readings import Reading
from looc_tf.representations import PROBABILITIES

if TYPE_CHECKING:
    from looc_tf.data import Source


def classifier_reading(
    embed: Embed,
    sources: Mapping[str, Source],
    class_names: Sequence[str],
    batch: int = 256,
    progress: Optional[Progress] = None,
) -> Reading:
    """How many of the test pictures with a label are named right, as the probe `object` of `probabilities`.

    Args:
        embed: uint8 images [B, S, S, 3] -> {"probabilities": float32 [B, C], ...}.
        sources: the parts "train" and "test" and, where there is one, "validation"; their classes may be some of
            `class_names`.
        class_names: of the columns.
        batch: pictures at a time.
        progress: called with (stage, done, total).

    Raises:
        UserError: a part has no labels, or a class that the network does not know.
    """
    columns = {part: _columns(source, class_names) for part, source in sources.items()}
    asked = {part: source for part, source in sources.items() if part != "train"}
    total, done = sum(map(len, asked.values())), 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress("Classifying", done, total)

    rows = {part: _rows(embed, source, columns[part], batch, report) for part, source in asked.items()}
    labels = sources["train"].labels["label"]
    train, (answers, right) = columns["train"][labels[labels >= 0]], rows["test"]
    return Reading(
        PROBABILITIES,
        "object",
        value=round(accuracy(answers, right), 4),
        chance=round(100.0 / len(np.unique(train)), 4),
        validation=round(accuracy(*rows["validation"]), 4) if "validation" in rows else float("nan"),
        rows={part: len(each.labels) for part, each in rows.items()},
        balanced=round(balanced_accuracy(answers, right), 4),
        majority=round(majority_share(train, right), 4),
    )


def _rows(embed: Embed, source: Source, columns: np.ndarray, batch: int, report: Callable[[int], None]) -> Rows:
    """The column of the most probable class of each labelled picture, and that of its own."""
    labelled = np.flatnonzero(source.labels["label"] >= 0)
    features = extract(embed, source, labelled, (UPRIGHT,), batch, report)
    return Rows(features.of(UPRIGHT, PROBABILITIES).argmax(axis=1), columns[features.labels["label"]])


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
