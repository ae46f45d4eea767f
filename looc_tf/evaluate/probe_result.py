"""What goes into a probe and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Optional

import numpy as np

FIVE = 5  # answers that are allowed in a top-5 accuracy


class Rows(NamedTuple):
    """Examples of one part of the data: `features` float32 [N, D], `labels` int64 [N]."""

    features: np.ndarray
    labels: np.ndarray

    def labelled(self) -> Rows:
        """Only the rows whose label is known (unknown ones are -1)."""
        known = self.labels >= 0
        return self if known.all() else Rows(self.features[known], self.labels[known])


@dataclass(frozen=True, eq=False)
class Fitted:
    """A linear probe as numbers: the class of the largest of `weights @ ((features - mean) / scale) + bias`."""

    mean: np.ndarray  # [D]
    scale: np.ndarray  # [D]
    weights: np.ndarray  # [C, D]
    bias: np.ndarray  # [C]
    classes: np.ndarray  # int64 [C]: the label of each row

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Of each class, float [N, C], for features [N, D]."""
        return (features - self.mean) / self.scale @ self.weights.T + self.bias

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fitted) and all(
            np.array_equal(value, vars(other)[name]) for name, value in vars(self).items()
        )


class Choice(NamedTuple):
    """A probe's accuracy in percent on the test part and on the validation part, which chose the setting.

    `balanced` is the mean over the classes of the test part, see `balanced_accuracy`.
    """

    value: float
    validation: float
    setting: Mapping[str, float]
    fitted: Optional[Fitted] = None  # of linear probes
    balanced: Optional[float] = None  # on the test part


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """How many of the answers are right, in percent."""
    return 100.0 * float(np.mean(predicted == labels))


def balanced_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """The mean over the classes in `labels` of how many of each are right, in percent: every class weighs alike.

    >>> balanced_accuracy(np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1]))
    50.0
    """
    return mean_over_classes(predicted == labels, labels)


def mean_over_classes(right: np.ndarray, labels: np.ndarray) -> float:
    """The mean over the classes in `labels` of how many answers to each are right, in percent."""
    return 100.0 * float(np.mean([right[labels == name].mean() for name in np.unique(labels)]))


def majority_share(train: np.ndarray, test: np.ndarray, best: int = 1) -> float:
    """The accuracy in percent of whoever always answers with the `best` classes that most training examples have.

    >>> majority_share(np.array([0, 1, 1]), np.array([1, 1, 1, 0]))
    75.0
    """
    commonest = np.argsort(-np.bincount(train), kind="stable")[:best]
    return 100.0 * float(np.isin(test, commonest).mean())


def among_best(scores: np.ndarray, classes: np.ndarray, labels: np.ndarray, best: int) -> np.ndarray:
    """Whether the label is one of the `best` classes of the highest scores, bool [N]; of equals the first counts more.

    Args:
        scores: float [N, C].
        classes: int [C], rising: the class of each column.
        labels: int [N]; one that is not in `classes` is never among them.
        best: how many answers are allowed.

    >>> among_best(np.array([[0.1, 0.9, 0.5]]), np.array([3, 4, 7]), np.array([7]), best=2)
    array([ True])
    """
    column = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    own = np.take_along_axis(scores, column[:, None], axis=1)
    before = np.arange(len(classes)) < column[:, None]
    better = ((scores > own) | ((scores == own) & before)).sum(axis=1)
    return (classes[column] == labels) & (better < best)
