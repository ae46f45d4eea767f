"""Contrast of a vector of each picture with the places of feature maps (Hjelm et al., ICLR 2019, arXiv 1808.06670).

Both take `scores` `[B, G, L]`, of a vector of each of B pictures with the L places of G pictures, and `own`, bool
`[B, G]`, which of these is the picture itself; both give `[B]`. Other places of the own picture are no negatives.
"""

from __future__ import annotations

import tensorflow as tf


def local_info_nce(scores: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """For each own place `-log e^s / (e^s + sum of e^s over all places of other pictures)`, the mean over own places.

    What is masked is left out whole: -10 in its place, as in the authors' code, would leak, since scores have no bound.

    Example:
        >>> local_info_nce(tf.zeros([2, 2, 3]), tf.eye(2) > 0).numpy().round(4)  # log of 1 + 3
        array([1.3863, 1.3863], dtype=float32)
    """
    others = tf.where(own[:, :, None], -float("inf"), scores)
    against = tf.reduce_logsumexp(others, axis=[1, 2])
    return tf.reduce_mean(tf.math.softplus(against[:, None] - _of_own(scores, own)), axis=1)


def local_jsd(scores: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """The Jensen-Shannon form: the mean of `softplus(-s)` over own places and that of `softplus(s)` over all others.

    Example:
        >>> local_jsd(tf.zeros([2, 2, 3]), tf.eye(2) > 0).numpy().round(4)  # 2 log 2
        array([1.3863, 1.3863], dtype=float32)
    """
    apart = tf.where(own[:, :, None], 0.0, tf.math.softplus(scores))
    places = tf.cast((tf.shape(scores)[1] - 1) * tf.shape(scores)[2], scores.dtype)
    near = tf.reduce_mean(tf.math.softplus(-_of_own(scores, own)), axis=1)
    return near + tf.reduce_sum(apart, axis=[1, 2]) / places


def _of_own(scores: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """The scores of the own places, `[B, L]`."""
    return tf.reduce_sum(tf.where(own[:, :, None], scores, 0.0), axis=1)
