"""How much one embedding tells of another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf

LEAST = 1e-7  # variance of a value that all pictures have in common


def likeness(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """The mean square of the correlations of each value of one embedding with each of another.

    0 where neither can be told from the other linearly, 1 where each value of both is the same one but for its sign and
    scale.

    Args:
        one, other: `[G, D]` and `[G, E]`, of the same pictures.

    Returns:
        A scalar.
    """

    def standardized(rows: tf.Tensor) -> tf.Tensor:
        mean, variance = tf.nn.moments(rows, axes=[0], keepdims=True)
        return (rows - mean) * tf.math.rsqrt(variance + LEAST)

    pictures = tf.cast(tf.shape(one)[0], one.dtype)
    correlations = tf.matmul(standardized(one), standardized(other), transpose_a=True) / pictures
    return tf.reduce_mean(tf.square(correlations))


def likeness_of_all(embeddings: Sequence[tf.Tensor]) -> tf.Tensor:
    """The sum of the likeness of each two embeddings `[G, D]`: as a loss it keeps them from being one another's copies.

    (The covariance term of VICReg, which Eastwood et al. 2023, arXiv 2311.08815, lay over all of them at once.)
    """
    return tf.add_n([likeness(one, other) for one, other in itertools.combinations(embeddings, 2)])
