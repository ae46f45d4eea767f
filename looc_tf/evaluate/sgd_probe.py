"""The linear protocol of the paper, by stochastic gradients, beside the convex probe.

MoCo's linear classification (He et al., CVPR 2020), as Xiao et al., ICLR 2021, use it: SGD with momentum 0.9 and a rate
of 30 for batches of 256, times 0.1 at 60 % and at 80 % of the epochs, no weight decay.
"""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler

from looc_tf.config import Evaluation
from looc_tf.evaluate.label_probe import LabelProbe
from looc_tf.evaluate.probe_result import Choice, Rows, accuracy, balanced_accuracy
from looc_tf.evaluate.questions import CHOICE_SEED

BATCH, MOMENTUM, DECAY, MILESTONES = 256, 0.9, 0.1, (0.6, 0.8)
DEVIATION = 0.01  # of the weights at the start


class SgdProbe(LabelProbe):
    """The linear probe of a label field by the paper's protocol; nothing of it is chosen on the validation part."""

    def read(self, train: Rows, validation: Rows, test: Rows, settings: Evaluation) -> Choice:
        return sgd_probe(train, validation, test, settings.epochs, settings.rate)


def sgd_probe(train: Rows, validation: Rows, test: Rows, epochs: int, rate: float = 30.0) -> Choice:
    """Fits a linear classifier on `train` by SGD and reads its accuracy on `test`.

    A rate means something only beside the length of the features. They are standardised, as for the convex probe, and
    divided by the root of their number, so that a row has length 1 on average whatever network it is from. Pictures are
    not cropped anew in each epoch, as MoCo's are: each is embedded once.

    Args:
        train, validation, test: rows of the parts.
        epochs: passes over `train`, in an order that hangs on the protocol's seed.
        rate: of the first steps, for batches of `BATCH`.
    """
    scaler = StandardScaler().fit(train.features)
    classes, labels = np.unique(train.labels, return_inverse=True)
    weights = _fitted(_scaled(scaler, train.features), labels, len(classes), epochs, rate)

    def answers(rows: Rows) -> np.ndarray:
        return classes[(_scaled(scaler, rows.features) @ weights).argmax(axis=1)]

    known, found = accuracy(answers(validation), validation.labels), answers(test)
    value, balanced = accuracy(found, test.labels), balanced_accuracy(found, test.labels)
    return Choice(value, known, {"epochs": epochs, "rate": rate}, balanced=balanced)


def _scaled(scaler: StandardScaler, features: np.ndarray) -> np.ndarray:
    """float32 [N, D + 1]: rows of mean square length 1, and the 1 that the bias is a weight of."""
    rows = scaler.transform(features).astype(np.float32) / np.sqrt(features.shape[1], dtype=np.float32)
    return np.concatenate([rows, np.ones((len(rows), 1), np.float32)], axis=1)


def _fitted(features: np.ndarray, labels: np.ndarray, classes: int, epochs: int, rate: float) -> np.ndarray:
    """The weights, float32 [D + 1, C], after so many passes."""
    random = np.random.default_rng(CHOICE_SEED)
    weights = random.normal(0.0, DEVIATION, (features.shape[1], classes)).astype(np.float32)
    weights[-1] = 0.0
    velocity, batch = np.zeros_like(weights), min(BATCH, len(features))
    targets = np.eye(classes, dtype=np.float32)[labels]
    for epoch in range(epochs):
        passed = sum(epoch >= share * epochs for share in MILESTONES)
        step = np.float32(rate * batch / BATCH * DECAY**passed)
        order = random.permutation(len(features))
        for start in range(0, len(order), batch):
            some = order[start : start + batch]
            rows = features[some]
            wrong = _probabilities(rows @ weights) - targets[some]
            velocity = MOMENTUM * velocity + rows.T @ wrong / len(some)
            weights -= step * velocity
    return weights


def _probabilities(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
