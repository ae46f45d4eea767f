"""Invariance: how far an embedding moves as one augmentation grows stronger while the others rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from sklearn.preprocessing import normalize

from looc_tf.config import Evaluation
from looc_tf.evaluate.features import UPRIGHT, Features
from looc_tf.evaluate.moved import OF_COLOR, STRENGTHS
from looc_tf.evaluate.questions import Question, Sample
from looc_tf.evaluate.readings import Reading

MEASURES = ("cosine", "kept", "found")


class Levels(NamedTuple):
    """What is compared, of a moved picture with the unchanged ones, in percent."""

    cosine: float  # mean cosine to the picture itself, unchanged; of the level: to another picture
    kept: float  # how many of its nearest other pictures it still has; of the level: of others drawn blindly
    found: float  # how often the nearest of all pictures is itself, unchanged; of the level: one drawn blindly


class Invariance(Question):
    """For each augmentation and strength, what a moved picture still has of the unchanged one.

    Read are `evaluation.moved` test pictures. A value is called `invariance@hue/0.1 cosine`, the hue turned by a tenth
    of the circle; the first strength of each is rest. `invariance@hue` is the mean of `found` over the others: one
    number for each augmentation, 100 where the space ignores it. Cosines of two spaces are to be held against their
    chance, the cosine of two different pictures, for some spaces are narrow cones.

    Args:
        color: whether pictures have a hue.
    """

    copies = ()

    def __init__(self, color: bool = True) -> None:
        self.strengths = {kind: each for kind, each in STRENGTHS.items() if color or kind not in OF_COLOR}

    def sample(self, settings: Evaluation) -> Sample:
        moved = [_copy(kind, strength) for kind, each in self.strengths.items() for strength in each[1:]]
        return Sample(settings.moved, (UPRIGHT, *moved))

    def lacks(self, features: Mapping[str, Features]) -> str:
        return "" if len(features["test"].labels["turn"]) > 1 else "it needs two test pictures"

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        still = Still(features[name].of(UPRIGHT, representation), settings.retrieved)
        made = list(self._curves(name, features[name], representation, still))
        return [*self._means(name, made), *made]

    def _curves(self, name: str, sample: Features, representation: str, still: Still) -> Iterator[Reading]:
        chance = still.chance()
        for kind, strengths in self.strengths.items():
            for place, strength in enumerate(strengths):
                copy = _copy(kind, strength) if place else UPRIGHT
                values = still.against(sample.of(copy, representation))
                for measure in MEASURES:
                    point = f"{name}@{kind}/{strength:g} {measure}"
                    yield _reading(representation, point, getattr(values, measure), getattr(chance, measure), still)

    def _means(self, name: str, curves: list[Reading]) -> Iterator[Reading]:
        found = {reading.probe: reading for reading in curves}
        for kind, strengths in self.strengths.items():
            moved = [found[f"{name}@{kind}/{strength:g} found"] for strength in strengths[1:]]
            mean = float(np.mean([reading.value for reading in moved]))
            yield Reading(
                moved[0].representation,
                f"{name}@{kind}",
                round(mean, 4),
                moved[0].chance,
                float("nan"),
                rows=moved[0].rows,
            )


class Still:
    """The unchanged pictures in one representation: what the moved ones are held against."""

    def __init__(self, features: np.ndarray, neighbors: int) -> None:
        self.rows = normalize(features)
        self.neighbors = min(neighbors, len(features) - 1)
        self.cosines = self.rows @ self.rows.T
        self.nearest = self._nearest_others(self.cosines.copy())

    def chance(self) -> Levels:
        """The levels of pictures that have nothing to do with each other."""
        count = len(self.rows)
        others = (self.cosines.sum() - np.trace(self.cosines)) / (count * (count - 1))
        return Levels(100.0 * float(others), 100.0 * self.neighbors / (count - 1), 100.0 / count)

    def against(self, moved: np.ndarray) -> Levels:
        """The levels of moved copies [N, D] of the pictures; two pictures in one point are not found again."""
        cosines = normalize(moved) @ self.rows.T
        own = np.diag(cosines).copy()
        nearest = self._nearest_others(cosines)  # which also takes a picture itself out of `cosines`
        kept = [len(np.intersect1d(now, before)) for now, before in zip(nearest, self.nearest)]
        found = own > cosines.max(axis=1)
        return Levels(100.0 * float(own.mean()), 100.0 * float(np.mean(kept)) / self.neighbors, 100.0 * found.mean())

    def _nearest_others(self, cosines: np.ndarray) -> np.ndarray:
        np.fill_diagonal(cosines, -np.inf)
        return np.argpartition(-cosines, self.neighbors - 1, axis=1)[:, : self.neighbors]


def _copy(kind: str, strength: float) -> str:
    return f"moved/{kind}/{strength:g}"


def _reading(representation: str, name: str, value: float, chance: float, still: Still) -> Reading:
    setting, rows = {"neighbors": still.neighbors}, {"test": len(still.rows)}
    return Reading(representation, name, round(value, 4), round(chance, 4), float("nan"), setting, rows)
