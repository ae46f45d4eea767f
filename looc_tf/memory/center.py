"""A running mean over global batches."""

from __future__ import annotations

import tensorflow as tf

from looc_tf.distribute import gather
from looc_tf.keras2 import keras


class Center(keras.layers.Layer):
    """`value = momentum * value + (1 - momentum) * mean` of each global batch, zero at first (DINO, Caron et al. 2021).

    Every replica writes the same value, so the first replica's copy stands for all, and a checkpoint holds it.

    Args:
        dimension: of a row.
        momentum: how much of the old value stays.
    """

    def __init__(self, dimension: int, momentum: float, name: str = "center"):
        super().__init__(name=name, dtype="float32")
        self.momentum = momentum
        self.value = self.add_weight(
            "value",
            [dimension],
            initializer="zeros",
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def commit(self, rows: tf.Tensor) -> None:
        """The rows `[B, D]` of this replica enter; replicas hold equally many."""
        everywhere = gather(tf.reduce_mean(tf.stop_gradient(rows), axis=0, keepdims=True))  # means: K may be large
        mean = tf.reduce_mean(everywhere, axis=0)
        self.value.assign(self.momentum * self.value.value() + (1 - self.momentum) * mean)
