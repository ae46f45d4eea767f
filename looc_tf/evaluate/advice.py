"""Which representation a task should take, by how much, and what its labels hang on: nested cross-validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Optional

import numpy as np
from scipy import stats
from sklearn.model_selection import StratifiedKFold

from looc_tf.errors import UserError
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.pool import side_by_side
from looc_tf.evaluate.probe_result import Choice, Rows, majority_share
from looc_tf.evaluate.questions import CHOICE_SEED
from looc_tf.representations import TRUNK
from looc_tf.results import Estimate

FOLDS = 5
SHARES = (0.1, 0.3, 1.0)  # of the labels, for the learning curve
SAME = 3.0  # points: what is surely less is called no difference, and how much less is said beside it
UNSEEN = 3.0  # what was not met among N pictures is met in 3 / N of all at most, with 95 % certainty
BETTER, WORSE, NONE, UNDECIDED = "better", "worse", "no difference", "undecided"  # what is best beside the trunk
PERHAPS, ALONE, UNREADABLE = "perhaps better", "nothing beside the trunk", "nothing can be told"
Table = Mapping[str, np.ndarray]  # representation -> float32 [N, D]
Progress = Callable[[str, int, int], None]
Split = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows to train on, to choose by, to test on


@dataclass(frozen=True)
class Advice:
    """What to take; accuracies and differences in percent and points, with 95 % intervals over the folds.

    Attributes:
        best: what validation preferred within the training folds.
        gain: of the best over the trunk, on held-out folds. What all folds together chose is held against pictures
            that chose it in other folds, so that of equals the gain of the best reads somewhat above zero.
        accuracy: of each representation on held-out folds.
        majority: of always answering with the commonest class.
        curve: share of the labels -> how many these are, and the accuracy of the best and of the trunk with them.
        drops: factor -> how much accuracy the trunk loses where pictures are shown without that factor, in training and
            in test.
        pictures, classes: how many there were; each picture is in the test part of one fold.
        differences: of each representation but the trunk to the trunk, on held-out folds.
        rival: what validation preferred of all but the trunk; None where there is no other.
        chosen: what validation preferred in each fold by itself.
        choosing: of these, fold by fold, over the trunk: what is gained by choosing, which is no one's own difference;
            None is as the gain.
    """

    best: str
    gain: Estimate
    accuracy: Mapping[str, Estimate]
    majority: float
    curve: Mapping[float, tuple[int, Estimate, Estimate]]
    drops: Mapping[str, Estimate] = field(default_factory=dict)
    pictures: int = 0
    classes: int = 0
    differences: Mapping[str, Estimate] = field(default_factory=dict)
    rival: Optional[str] = None
    chosen: tuple[str, ...] = ()
    choosing: Optional[Estimate] = None

    @property
    def representation(self) -> str:
        """What to take: the best where it is better than the trunk beyond doubt, else the trunk."""
        return self.best if self.differs else TRUNK

    @property
    def differs(self) -> bool:
        """Whether the gain is more than chance, and more than the luck of the one that was the best of many."""
        found = (self.gain, self.choosing or self.gain)
        return self.best != TRUNK and all(each.mean - each.half > 0 for each in found)

    @property
    def verdict(self) -> str:
        """What is known of the rival against the trunk; no difference is said where none of `SAME` points can be."""
        if not self.readable:
            return UNREADABLE
        if self.differs or self.rival is None:
            return BETTER if self.differs else ALONE
        found = self.differences[self.rival]
        if abs(found.mean) - found.half > 0:
            return PERHAPS if found.mean > 0 else WORSE
        return NONE if self.bound <= SAME else UNDECIDED

    @property
    def bound(self) -> float:
        """How many points the rival and the trunk are apart at most, as far as these pictures can tell: folds without
        any difference tell no more than their number of pictures."""
        if self.rival is None:
            return 0.0
        found = self.differences[self.rival]
        return max(abs(found.mean) + found.half, 100 * UNSEEN / max(self.pictures, 1))

    @property
    def readable(self) -> bool:
        """Whether anything can be told of the labels at all, from the best or from the trunk."""
        found = (self.accuracy[self.best], self.accuracy[TRUNK])
        return any(each.mean - each.half > self.majority for each in found)

    @property
    def learning(self) -> Mapping[float, tuple[int, Estimate]]:
        """Share of the labels -> how many these are, and the accuracy of what is advised with them."""
        return {share: (count, best if self.differs else own) for share, (count, best, own) in self.curve.items()}

    @property
    def factor(self) -> Optional[str]:
        """What the labels hang on most, of what was tried; None where nothing is lost without any of it."""
        lost = {name: drop.mean for name, drop in self.drops.items() if drop.mean - drop.half > 0}
        return max(lost, key=lambda name: lost[name]) if lost else None


def corrected(values: Sequence[float]) -> Estimate:
    """The mean over folds with the interval of Nadeau and Bengio (Machine Learning 52, 2003): as folds share their
    training pictures, the variance of the mean is that of a fold times 1/K + (test / training pictures).

    >>> str(corrected([1.0, 2.0, 3.0]))
    '2.0 ± 3.9'
    """
    count = len(values)
    scale = math.sqrt(1 / count + 1 / (count - 1))
    half = float(stats.t.ppf(0.975, count - 1)) * float(np.std(values, ddof=1)) * scale
    return Estimate(float(np.mean(values)), half, count)


def advise(
    plain: Table,
    labels: np.ndarray,
    strengths: Sequence[float],
    without: Optional[Mapping[str, Table]] = None,
    progress: Optional[Progress] = None,
) -> Advice:
    """Compares representations of the same labelled pictures.

    Each fold in turn is held out. On the rest, a validation part chooses each probe's penalty and which representation
    to take. What all of these validation parts prefer is compared with the trunk on the held-out folds. It is advised
    only where what was chosen in each fold by itself gains as well, so that it is not the luckiest of many.

    Args:
        plain: the trunk under its name, and what is compared with it.
        labels: int64 [N], 0 and up.
        strengths: inverse penalties, tried on validation parts.
        without: factor -> the same of pictures shown without it.
        progress: called with (stage, done, total).

    Raises:
        UserError: fewer than two classes, or a class with fewer pictures than folds.
    """
    _check(labels)
    splits, without = list(_splits(labels)), without or {}
    with side_by_side() as pool:

        def asked(rows: np.ndarray, splits: Sequence[Split]) -> list[Future[Choice]]:
            return [pool.submit(_read, rows, labels, split, strengths) for split in splits]

        whole = {name: asked(rows, splits) for name, rows in plain.items()}
        lacking = {factor: asked(rows[TRUNK], splits) for factor, rows in without.items()}
        _wait([*whole.values(), *lacking.values()], progress)
        scores = {name: [choice.result() for choice in found] for name, found in whole.items()}
        best = _preferred(plain, scores)
        fewer = {share: [_fewer(split, labels, share) for split in splits] for share in SHARES}
        curve = {
            share: (len(some[0][0]), _mean(asked(plain[best], some)), _mean(asked(plain[TRUNK], some)))
            for share, some in fewer.items()
        }
    lost = {factor: _minus(scores[TRUNK], [choice.result() for choice in found]) for factor, found in lacking.items()}
    return Advice(
        best=best,
        accuracy={name: corrected([choice.value for choice in found]) for name, found in scores.items()},
        majority=majority_share(labels, labels),
        curve=curve,
        drops={factor: corrected(values) for factor, values in lost.items()},
        pictures=len(labels),
        classes=len(np.unique(labels)),
        **_against_the_trunk(plain, scores, best),
    )


def _against_the_trunk(plain: Table, scores: Mapping[str, Sequence[Choice]], best: str) -> dict[str, Any]:
    """What an `Advice` holds of differences to the trunk, each paired fold by fold."""
    over = {name: _minus(found, scores[TRUNK]) for name, found in scores.items()}
    others = {name: found for name, found in scores.items() if name != TRUNK}
    chosen = tuple(_preferred(plain, scores, [fold]) for fold in range(FOLDS))
    return {
        "gain": corrected(over[best]),
        "differences": {name: corrected(over[name]) for name in others},
        "rival": _preferred(plain, others) if others else None,
        "chosen": chosen,
        "choosing": corrected([over[name][fold] for fold, name in enumerate(chosen)]),
    }


def _minus(found: Sequence[Choice], others: Sequence[Choice]) -> list[float]:
    return [one.value - other.value for one, other in zip(found, others)]


def _preferred(plain: Table, scores: Mapping[str, Sequence[Choice]], folds: Sequence[int] = range(FOLDS)) -> str:
    """What validation prefers; of equals the smaller."""
    liked = {name: sum(found[fold].validation for fold in folds) for name, found in scores.items()}
    return max(liked, key=lambda name: (liked[name], -plain[name].shape[1]))


def _read(rows: np.ndarray, labels: np.ndarray, split: Split, strengths: Sequence[float]) -> Choice:
    train, validation, test = (Rows(rows[part], labels[part]) for part in split)
    return linear_probe(train, validation, test, strengths)


def _mean(reading: Sequence[Future[Choice]]) -> Estimate:
    return corrected([choice.result().value for choice in reading])


def _wait(readings: Sequence[Sequence[Future[Choice]]], progress: Optional[Progress]) -> None:
    every = [choice for reading in readings for choice in reading]
    for done, choice in enumerate(every, start=1):
        choice.result()
        if progress:
            progress("Comparing", done, len(every))


def _check(labels: np.ndarray) -> None:
    _, counts = np.unique(labels, return_counts=True)
    if len(counts) < 2 or counts.min() < 2 * FOLDS:
        raise UserError(
            f"Advice needs two classes of {2 * FOLDS} labelled pictures at least. Received {len(counts)} classes, the "
            f"rarest of {counts.min() if len(counts) else 0}. Label more, or leave rare classes out."
        )


def _splits(labels: np.ndarray) -> list[Split]:
    """Rows to train on, to choose by and to test on, for each fold; a fifth of what is not held out chooses."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=CHOICE_SEED)
    made = []
    for rest, test in folds.split(labels, labels):
        inner = StratifiedKFold(FOLDS, shuffle=True, random_state=CHOICE_SEED).split(labels[rest], labels[rest])
        train, validation = next(iter(inner))
        made.append((rest[train], rest[validation], test))
    return made


def _fewer(split: Split, labels: np.ndarray, share: float) -> Split:
    """With so much of each class to train on, at least one picture."""
    train, validation, test = split
    random = np.random.default_rng(CHOICE_SEED)
    classes = [random.permutation(train[labels[train] == name]) for name in np.unique(labels[train])]
    some = np.sort(np.concatenate([each[: max(1, round(share * len(each)))] for each in classes]))
    return some, validation, test
