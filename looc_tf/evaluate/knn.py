"""The nearest-neighbor probe: cosine-weighted votes, as in InstDisc (Wu et al., CVPR 2018, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from looc_tf.evaluate.probe_result import Choice, Rows, accuracy, balanced_accuracy

TEMPERATURE = 0.07  # of the votes, InstDisc's


def knn_accuracy(
    train_features: np.ndarray, train_labels: np.ndarray, features: np.ndarray, labels: np.ndarray, k: int
) -> float:
    """The percentage of `features` [N, D] whose `k` nearest `train_features` [M, D] vote for the right label.

    A neighbor votes with exp(cosine / 0.07). `k` is held to the number of training rows; labels are integers >= 0.

    >>> knn_accuracy(np.eye(2), np.array([0, 1]), np.eye(2), np.array([0, 0]), k=1)
    50.0
    """
    cosines, neighbors = nearest_rows(train_features, features, k)
    return accuracy(_elected(cosines, train_labels[neighbors]), labels)


def knn_probe(train: Rows, validation: Rows, test: Rows, neighbors: Sequence[int]) -> Choice:
    """Chooses how many neighbors vote on `validation` (the fewest of equals), then reads `test` once."""
    counts = sorted({min(k, len(train.labels)) for k in neighbors})
    cosines, nearest = nearest_rows(train.features, validation.features, counts[-1])
    votes = train.labels[nearest]
    scores = [accuracy(_elected(cosines[:, :k], votes[:, :k]), validation.labels) for k in counts]
    best = int(np.argmax(scores))
    cosines, nearest = nearest_rows(train.features, test.features, counts[best])
    answers = _elected(cosines, train.labels[nearest])
    balanced = balanced_accuracy(answers, test.labels)
    return Choice(accuracy(answers, test.labels), scores[best], {"neighbors": counts[best]}, balanced=balanced)


def nearest_rows(train: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and row numbers of the `k` nearest training rows, nearest first: [N, k] each."""
    # Between unit vectors |a - b|^2 = 2 - 2 cos: the cosine's order, by the distance that scikit-learn is fast at.
    index = NearestNeighbors(n_neighbors=min(k, len(train)), algorithm="brute", metric="euclidean")
    index.fit(normalize(train))
    distances, rows = index.kneighbors(normalize(queries))
    return 1.0 - distances**2 / 2.0, rows


def _elected(cosines: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """The label that the weighted votes [N, k] of each row elect."""
    scores = np.zeros((len(votes), int(votes.max()) + 1))
    np.add.at(scores, (np.arange(len(votes))[:, None], votes), np.exp((cosines - 1.0) / TEMPERATURE))
    return scores.argmax(axis=1)
