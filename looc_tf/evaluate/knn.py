"""The nearest-neighbor probe: cosine-weighted votes, as in InstDisc (Wu et al., CVPR 2018, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from sklearn.preprocessing import normalize

from looc_tf.evaluate.probe_result import Choice, Rows, accuracy, balanced_accuracy

TEMPERATURE = 0.07  # of the votes, InstDisc's
AT_ONCE = 2**24  # cosines that are held at a time: 64 MB


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
    """Cosines and row numbers of the `k` nearest training rows, nearest first: [N, k] each; of equals the first rows.

    On TensorFlow's device in float32, a block of queries at a time: about twice as fast on a CPU as
    scikit-learn's search, which computes distances in float64.
    """
    unit, gallery = normalize(queries).astype(np.float32), tf.constant(normalize(train), tf.float32)
    count, rows = tf.constant(min(k, len(train))), max(1, AT_ONCE // len(train))
    found = [_nearest(tf.constant(unit[start : start + rows]), gallery, count) for start in range(0, len(unit), rows)]
    cosines, places = (np.concatenate([part.numpy() for part in parts]) for parts in zip(*found))
    return cosines, places


@tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None, None]), tf.TensorSpec([], tf.int32)])
def _nearest(queries: tf.Tensor, gallery: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    cosines, rows = tf.math.top_k(tf.matmul(queries, gallery, transpose_b=True), count)
    return cosines, rows


def _elected(cosines: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """The label that the weighted votes [N, k] of each row elect."""
    scores = np.zeros((len(votes), int(votes.max()) + 1))
    np.add.at(scores, (np.arange(len(votes))[:, None], votes), np.exp((cosines - 1.0) / TEMPERATURE))
    return scores.argmax(axis=1)
