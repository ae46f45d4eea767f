"""NT-Xent: InfoNCE whose negatives are the other pictures of the batch."""

from __future__ import annotations

import tensorflow as tf


def in_batch(
    anchors: tf.Tensor, partners: tf.Tensor, same: tf.Tensor, other: tf.Tensor, own: tf.Tensor, temperature: float
) -> tf.Tensor:
    """Logits of each anchor against its partner and against both views of all other pictures (Chen et al. 2020, eq. 1).

    Args:
        anchors: `[B, D]` unit rows, one view of some pictures.
        partners: `[B, D]` unit rows, another view of the same pictures.
        same: `[G, D]` unit rows, the anchors' view of the global batch.
        other: `[G, D]` unit rows, the partners' view of the global batch.
        own: bool `[B, G]`, whether a row of the global batch is the anchor's own picture.
        temperature: divides every similarity.

    Returns:
        `[B, 1 + 2 G]` for `info_nce`: column 0 is the partner; an anchor's own picture weighs nothing in the others, so
        that 2 G - 2 negatives are left. Identical embeddings give a loss of `log(2 G - 1)`.

    Example:
        >>> from looc_tf.losses import info_nce
        >>> unit = tf.math.l2_normalize(tf.ones([4, 8]), axis=1)
        >>> logits = in_batch(unit, unit, unit, unit, tf.eye(4) > 0, temperature=0.5)
        >>> f"{info_nce(logits)[0]:.4f}"  # log(7)
        '1.9459'
    """
    positive = tf.reduce_sum(anchors * partners, axis=1, keepdims=True)
    negatives = [tf.where(own, anchors.dtype.min, tf.matmul(anchors, rows, transpose_b=True)) for rows in (same, other)]
    return tf.concat([positive, *negatives], axis=1) / temperature
