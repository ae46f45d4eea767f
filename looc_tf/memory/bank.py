"""One row for each training picture."""

from __future__ import annotations

import tensorflow as tf

from looc_tf.distribute import gather
from looc_tf.keras2 import keras


class Bank(keras.layers.Layer):
    """What the encoder last said of each training picture, as a running mean of unit rows, in float32 (Wu, Xiong, Yu,
    Lin, CVPR 2018, section 3.1).

    `pictures * dimension * 4` bytes, on each device. Every replica writes the rows of all, so the first replica's copy
    stands for all, and a checkpoint holds it. Rows are uniform in +-sqrt(3 / dimension) at first, of length 1 on
    average, as in the authors' code.

    Args:
        name: of the layer.
        pictures: how many there are.
        dimension: of a row.
        momentum: how much of a row stays when its picture comes again.
        seed: of the first rows, and of what is drawn.

    Example:
        >>> bank = Bank("bank", pictures=8, dimension=4, momentum=0.5)
        >>> bank.commit(tf.constant([2, 5]), tf.ones([2, 4]))
        >>> bank.rows(tf.constant([2])).shape, bank.drawn(16, step=0).shape
        (TensorShape([1, 4]), TensorShape([16]))
    """

    def __init__(self, name: str, *, pictures: int, dimension: int, momentum: float, seed: int = 0):
        super().__init__(name=name, dtype="float32")
        self.momentum, self.seed = momentum, seed
        bound = (3 / dimension) ** 0.5
        first = tf.random.stateless_uniform([pictures, dimension], (seed, 0), -bound, bound)
        self.value = self.add_weight(
            "rows",
            [pictures, dimension],
            initializer=keras.initializers.Constant(first.numpy()),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def everything(self) -> tf.Tensor:
        """All rows, `[N, D]`."""
        return self.value.value()

    def rows(self, pictures: tf.Tensor) -> tf.Tensor:
        """`[B]`, places of pictures in the training set -> their rows `[B, D]`."""
        return tf.gather(self.value.value(), pictures)

    def drawn(self, count: int, step: tf.Tensor) -> tf.Tensor:
        """`[count]`, places of pictures drawn with replacement, a function of seed and step: the same on all replicas
        and in a training that goes on."""
        seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(step, tf.int64)])
        return tf.random.stateless_uniform([count], seed, maxval=self.value.shape[0], dtype=tf.int64)

    def commit(self, pictures: tf.Tensor, rows: tf.Tensor) -> None:
        """The rows `[B, D]` of this replica's pictures `[B]`, of which none comes twice, enter: each held row becomes
        `u(momentum * held + (1 - momentum) * u(row))`, where u scales to length 1."""
        pictures, rows = gather(pictures), gather(tf.math.l2_normalize(rows, axis=1))
        moved = self.momentum * self.rows(pictures) + (1 - self.momentum) * rows
        # In place: of ImageNet's pictures the rows are 656 MB, and an assignment would write all of them each step.
        tf.raw_ops.ResourceScatterUpdate(
            resource=self.value.handle, indices=pictures, updates=tf.math.l2_normalize(moved, axis=1)
        )
