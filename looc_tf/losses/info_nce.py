"""The leave-one-out form of InfoNCE."""

from __future__ import annotations

import tensorflow as tf


def contrast(
    query: tf.Tensor, positive: tf.Tensor, siblings: tf.Tensor, negatives: tf.Tensor, temperature: float
) -> tf.Tensor:
    """Logits of each query against its positive, its sibling negatives and the queue, in that order.

    Args:
        query: `[B, D]` unit rows.
        positive: `[B, D]` unit rows, the key of this space.
        siblings: `[B, S, D]` unit rows, the other keys of the same image that are negatives here; S may be 0.
        negatives: `[K, D]` unit rows, keys of earlier images.
        temperature: divides every similarity.

    Returns:
        `[B, 1 + S + K]`; column 0 is the positive.
    """
    with_positive = tf.reduce_sum(query * positive, axis=1, keepdims=True)
    with_siblings = tf.reduce_sum(query[:, None] * siblings, axis=2)
    with_queue = tf.matmul(query, negatives, transpose_b=True)
    return tf.concat([with_positive, with_siblings, with_queue], axis=1) / temperature


def info_nce(logits: tf.Tensor) -> tf.Tensor:
    """Loss of one embedding space, one value an image: `-log softmax(logits)[0]`.

    With the logits of `contrast` this is L_i of Xiao et al. 2021 (arXiv 2008.05659, section 3), and the loss of MoCo
    (He et al. 2020, eq. 1) where there are no siblings. Identical embeddings give `log(1 + S + K)`.

    Args:
        logits: `[B, 1 + S + K]`, the positive in column 0.

    Returns:
        `[B]`, in nats.

    Example:
        >>> unit = tf.math.l2_normalize(tf.ones([2, 8]), axis=1)
        >>> logits = contrast(unit, unit, tf.zeros([2, 0, 8]), unit, temperature=0.2)
        >>> info_nce(logits).numpy().round(4)  # log(1 + 2)
        array([1.0986, 1.0986], dtype=float32)
    """
    return tf.reduce_logsumexp(logits, axis=1) - logits[:, 0]
