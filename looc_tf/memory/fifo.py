"""Rows of earlier batches, first in, first out."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from looc_tf.keras2 import keras


class Fifo(keras.layers.Layer):
    """A queue of unit rows, filled at first with random ones, in float32 whatever the precision policy.

    Every replica writes the same gathered rows, so the first replica's copy stands for all, and a checkpoint holds it.

    Args:
        name: of the layer.
        rows: how many it holds.
        dimension: of a row.
        seed: of the first rows.

    Example:
        >>> fifo = Fifo("recent", rows=8, dimension=4)
        >>> fifo.commit(tf.ones([3, 4]))
        >>> fifo.recent(count=5).shape
        (3, 4)
    """

    def __init__(self, name: str, *, rows: int, dimension: int, seed: int = 0):
        super().__init__(name=name, dtype="float32")
        same = {
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        drawn = tf.math.l2_normalize(tf.random.stateless_normal([rows, dimension], seed=(seed, 0)), axis=1)
        first = keras.initializers.Constant(drawn.numpy())
        self.queue = self.add_weight("queue", [rows, dimension], initializer=first, trainable=False, **same)
        self.entered = self.add_weight("entered", [], tf.int64, initializer="zeros", trainable=False, **same)

    def commit(self, rows: tf.Tensor) -> None:
        """The rows `[G, D]` of a global batch enter, the oldest leave; of more rows than it holds the last stay."""
        held, entered = self.queue.shape[0], self.entered.value()
        count = tf.shape(rows, out_type=tf.int64)[0]
        skipped = tf.maximum(count - held, 0)
        slots = (entered + tf.range(skipped, count)) % held
        self.queue.assign(tf.tensor_scatter_nd_update(self.queue.value(), slots[:, None], rows[skipped:]))
        self.entered.assign(entered + count)

    def recent(self, count: int) -> np.ndarray:
        """The rows that entered last, oldest first, at most `count`; none of the random first ones."""
        queue, entered = self.queue.numpy(), int(self.entered.numpy())
        slots = np.arange(max(0, entered - min(count, len(queue))), entered) % len(queue)
        return queue[slots]
