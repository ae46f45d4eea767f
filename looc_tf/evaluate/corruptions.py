"""Corruptions: how much of the probe of the object is left on pictures as ImageNet-C corrupts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from looc_tf.config import Evaluation
from looc_tf.evaluate.corrupted import GROUPS, SEVERITIES
from looc_tf.evaluate.features import UPRIGHT, Features
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.probe_result import Choice, Fitted, Rows, accuracy
from looc_tf.evaluate.questions import PARTS, Question, Sample
from looc_tf.evaluate.readings import Reading

if TYPE_CHECKING:
    from looc_tf.evaluate.probes import LabelProbe

SEVERE = 3  # and above
Accuracies = Mapping[tuple[str, int], float]  # corruption, severity


class Corruptions(Question):
    """The object probe, fitted on clean training pictures, read on `evaluation.corrupted` corrupted test pictures.

    Values are mean accuracies over severities and corruptions: `corruptions` over all of them, `corruptions@blur` over
    those of a group, each with `... 3+`, over severities 3 to 5, and `... relative`, in percent of `corruptions@clean`,
    the accuracy on the same pictures without corruption. `corruptions@fog/3` is one corruption at one severity.

    Args:
        probe: of the object.
    """

    def __init__(self, probe: LabelProbe) -> None:
        self.probe = probe

    def sample(self, settings: Evaluation) -> Sample:
        return Sample(settings.corrupted, (UPRIGHT, *(_copy(*each) for each in _all())))

    def lacks(self, features: Mapping[str, Features]) -> str:
        return self.probe.lacks(features)

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        train, validation, _ = (self.probe.rows(features[part], representation) for part in PARTS)
        clean = self.probe.rows(features[name], representation)
        choice = linear_probe(train, validation, clean, settings.strengths)
        assert choice.fitted
        found = {each: self._accuracy(choice.fitted, features[name], representation, each) for each in _all()}
        counts = {"train": len(train.labels), "validation": len(validation.labels), "test": len(clean.labels)}
        return [self._reading(representation, *value, choice, counts) for value in _values(name, found, choice.value)]

    def _accuracy(self, fitted: Fitted, sample: Features, representation: str, each: tuple[str, int]) -> float:
        rows = Rows(sample.of(_copy(*each), representation), sample.labels[self.probe.field]).labelled()
        scores = (rows.features - fitted.mean) / fitted.scale @ fitted.weights.T + fitted.bias
        return accuracy(fitted.classes[scores.argmax(axis=1)], rows.labels)

    def _reading(
        self, representation: str, name: str, value: float, clean: float, choice: Choice, counts: Mapping[str, int]
    ) -> Reading:
        """`clean`: 100 for an accuracy, and the accuracy that it is relative to for a relative one."""
        chance, setting = 100.0 / self.probe.guesses * 100.0 / clean, choice.setting
        validation = round(choice.validation, 4)
        return Reading(representation, name, round(value, 4), round(chance, 4), validation, setting, counts)


def _values(name: str, found: Accuracies, clean: float) -> Iterator[tuple[str, float, float]]:
    """Every value by its name, and what it is in percent of."""
    yield from _means(name, found, clean)
    yield f"{name}@clean", clean, 100.0
    for group, kinds in GROUPS.items():
        its = {each: value for each, value in found.items() if each[0] in kinds}
        yield from _means(f"{name}@{group}", its, clean)
    for (kind, severity), value in found.items():
        yield f"{name}@{kind}/{severity}", value, 100.0


def _means(name: str, found: Accuracies, clean: float) -> Iterator[tuple[str, float, float]]:
    every = float(np.mean(list(found.values())))
    yield name, every, 100.0
    yield f"{name} {SEVERE}+", float(np.mean([value for each, value in found.items() if each[1] >= SEVERE])), 100.0
    if clean > 0:
        yield f"{name} relative", 100.0 * every / clean, clean


def _all() -> Sequence[tuple[str, int]]:
    return [(kind, severity) for kinds in GROUPS.values() for kind in kinds for severity in SEVERITIES]


def _copy(kind: str, severity: int) -> str:
    return f"corrupted/{kind}/{severity}"
