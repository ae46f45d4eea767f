"""An embedding space: what its key shares with the query, its queue of negatives, its contrast."""

from __future__ import annotations

import tensorflow as tf

from looc_tf.losses import contrast, info_nce
from looc_tf.memory.fifo import Fifo


class EmbeddingSpace(Fifo):
    """One space of LooC: its contrast of query, keys and a queue of earlier keys (Xiao et al. 2021, section 3).

    `shares` names the augmentations whose parameters this space's key copies from the query; sharing nothing is MoCo's
    space. The queue holds momentum keys of earlier images, unit rows, first in first out, and starts as random unit
    vectors (He et al. 2020). The layer computes in float32 whatever the precision policy.

    Args:
        name: of the space.
        shares: names of augmentations.
        temperature: of the softmax.
        queue: rows of the queue, at least the global batch.
        dimension: of the embedding.
        seed: of the queue's first rows.

    Example:
        >>> space = EmbeddingSpace("color", shares=("color",), temperature=0.2, queue=8, dimension=4)
        >>> unit = tf.math.l2_normalize(tf.ones([2, 4]), axis=1)
        >>> loss, logits = space(unit, unit, tf.zeros([2, 0, 4]))
        >>> loss.shape, logits.shape
        (TensorShape([2]), TensorShape([2, 9]))
    """

    def __init__(
        self, name: str, *, shares: tuple[str, ...] = (), temperature: float, queue: int, dimension: int, seed: int = 0
    ):
        super().__init__(name, rows=queue, dimension=dimension, seed=seed)
        self.shares = tuple(shares)
        self.temperature = temperature

    def call(self, query: tf.Tensor, positive: tf.Tensor, siblings: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """`[B, D]`, `[B, D]`, `[B, S, D]` -> loss `[B]`, logits `[B, 1 + S + K]`. Never writes the queue."""
        logits = contrast(query, positive, siblings, self.queue.value(), self.temperature)
        return info_nce(logits), logits
