"""What the numbers of an evaluation do not say themselves: probes that were left out, classes that none can name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from looc_tf.errors import printable
from looc_tf.evaluate.features import Features
from looc_tf.evaluate.label_probe import LabelProbe
from looc_tf.evaluate.questions import Question

NAMED = 5  # classes in a line


def left_out_line(reasons: Mapping[str, str]) -> list[str]:
    """One line for the probes that are left out, grouped by reason; none where all are read.

    >>> left_out_line({"object": "no labels", "knn": "no labels", "texture": "no such label"})
    ['left out: object, knn: no labels; texture: no such label']
    """
    by_reason: dict[str, list[str]] = {}
    for probe, reason in reasons.items():
        by_reason.setdefault(reason, []).append(probe)
    groups = [f"{', '.join(probes)}: {reason}" for reason, probes in by_reason.items()]
    return [f"left out: {'; '.join(groups)}"] if groups else []


def unseen_lines(
    probes: Iterable[Question], features: Mapping[str, Features], fields: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """One line for each label field with classes that test pictures have and none of the training pictures read."""
    lines = {}
    for probe in probes:
        if isinstance(probe, LabelProbe) and probe.field not in lines:
            known, asked = probe.labels(features["train"]), probe.labels(features["test"])
            lines[probe.field] = _unseen(known, asked, fields[probe.field])
    return [line for line in lines.values() if line]


def _unseen(known: np.ndarray, asked: np.ndarray, names: tuple[str, ...]) -> str:
    numbers = np.setdiff1d(asked, known)
    if not len(numbers):
        return ""
    shown = [printable(names[number], 40) if number < len(names) else str(number) for number in numbers[:NAMED]]
    more = ", ..." if len(numbers) > NAMED else ""
    count, classes = int(np.isin(asked, numbers).sum()), "a class" if len(numbers) == 1 else f"{len(numbers):,} classes"
    return (
        f"{count:,} of {len(asked):,} test pictures cannot be right: they are of {classes} that no training picture "
        f"of the probes has ({', '.join(shown)}{more})"
    )
