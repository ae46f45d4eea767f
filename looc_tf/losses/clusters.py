"""Losses over prototypes: Sinkhorn's codes and the cross-entropy of one view's code with another view's scores."""

from __future__ import annotations

import tensorflow as tf


def sinkhorn(scores: tf.Tensor, epsilon: float = 0.05, iterations: int = 3) -> tf.Tensor:
    """Codes that spread a batch evenly over the prototypes (Caron et al. 2020, section 3.1; Cuturi 2013).

    Rows are scaled last, so each code adds up to 1 exactly, and each prototype gets its share only nearly.

    Args:
        scores: float32 `[G, K]`, of the global batch: over a part of it the codes are others.
        epsilon: of the entropy; lower ones give sharper codes.
        iterations: of scaling prototypes and rows in turn.

    Returns:
        `[G, K]`.
    """
    logs = scores / epsilon  # in logarithms, where no epsilon overflows or lets a row vanish
    for _ in range(iterations):
        logs -= tf.reduce_logsumexp(logs, axis=0, keepdims=True)
        logs -= tf.reduce_logsumexp(logs, axis=1, keepdims=True)
    return tf.exp(logs)


def cross_entropy(codes: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """`-sum codes * log softmax(logits)`: `[B, K]`, `[B, K]` -> `[B]`, in nats.

    Args:
        codes: each row adds up to 1.
        logits: scores, divided by a temperature already.
    """
    return -tf.reduce_sum(codes * tf.nn.log_softmax(logits), axis=1)
