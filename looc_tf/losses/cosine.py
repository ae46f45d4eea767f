"""Cosine similarity, and what it says of a picture's own key among the other keys of the same picture."""

from __future__ import annotations

import tensorflow as tf


def cosine(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """`[B, D]`, `[B, D]` -> `[B]`, the cosine of the angle between the rows, in float32; 0 for a row of zeros."""
    one, other = (tf.math.l2_normalize(tf.cast(rows, tf.float32), axis=1) for rows in (one, other))
    return tf.reduce_sum(one * other, axis=1)


def ranking(nearness: tf.Tensor) -> tf.Tensor:
    """InfoNCE whose only negatives are other views of the same picture: `-log softmax(nearness)[0]`.

    The own key and a sibling differ in law only in the augmentation that the space shares, so the loss falls below
    `log(1 + S)` only where the space notices it.

    Args:
        nearness: `[B, 1 + S]`, of the query to its own key, then to each sibling, divided by a temperature.

    Returns:
        `[B]`, in nats; 0 where there are no siblings.
    """
    return tf.reduce_logsumexp(nearness, axis=1) - nearness[:, 0]


def nearest_of(nearness: tf.Tensor) -> tf.Tensor:
    """Sibling accuracy: 1 where the query is nearer to its own key than to every sibling, 0 where not.

    A tie, as of embeddings that are one point, is a 0. Chance is `1 / (1 + S)`.

    Args:
        nearness: `[B, 1 + S]`, as `ranking` takes it.

    Returns:
        float32 `[B]`.
    """
    return tf.cast(nearness[:, 0] > tf.reduce_max(nearness[:, 1:], axis=1), tf.float32)
