"""Collisions: a key's draw that by chance does the same to the picture as the query's, such as the same quarter turn.

In a space that must notice this augmentation the key is then a negative that equals the positive. The paper lives with
it (Xiao et al., ICLR 2021); here an augmentation may be drawn again.
"""

from __future__ import annotations

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters

REDRAWS = 16  # of an augmentation that rests every other time one draw in 130,000 collides still


def numbers_of(augmentation: Augmentation, draw: int) -> int:
    """How many uniform numbers a draw takes; draw 0 is the query's, with which others may collide."""
    return augmentation.numbers * (1 + REDRAWS * (augmentation.resample_collisions and draw > 0))


def sample_apart(augmentation: Augmentation, u: tf.Tensor, than: Parameters) -> Parameters:
    """A draw for each image; the rows that do the same as another draw are drawn again, at most `REDRAWS` times.

    Args:
        augmentation: what draws.
        u: uniform numbers [B, numbers * (1 + REDRAWS)].
        than: the other draw.
    """
    first, *more = tf.split(u, 1 + REDRAWS, axis=1)
    found = augmentation.sample(first)
    for part in more:
        same, again = augmentation.same(found, than), augmentation.sample(part)
        found = {name: tf.where(_beside(same, rows), again[name], rows) for name, rows in found.items()}
    return found


def _beside(rows: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """[B] as [B, 1, ...], of the rank of another tensor."""
    return tf.reshape(rows, [-1] + [1] * (other.shape.rank - 1))
