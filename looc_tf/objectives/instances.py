"""Telling the pictures of a training set apart, each a class of its own (Wu, Xiong, Yu, Lin, CVPR 2018)."""

from __future__ import annotations

import math

import tensorflow as tf

from looc_tf.distribute import gather
from looc_tf.keras2 import keras
from looc_tf.losses import info_nce, log_partition, nce, softmax_nce
from looc_tf.memory import Bank
from looc_tf.objectives.base import seed_of

KINDS = ("softmax", "nce", "info_nce", "pirl")


class Instances(keras.layers.Layer):
    """Of a row, which picture it is of, by a bank with a row for each.

    `softmax` is over all pictures; the others are over the own one and some that are drawn: `nce` as in the paper, with
    a partition Z that is estimated on the first batch and kept, `info_nce` as a softmax, `pirl` as a contrast with
    noise whose probabilities are that softmax (`losses.softmax_nce`). They are drawn once for a batch, not for each
    row: of the same expectation, and a product instead of `[B, m, D]` gathered rows. Where the own picture is among
    them, it counts for `nce`, whose noise is of all pictures, and is left out for the other two.

    Args:
        name: of the layer.
        pictures, dimension, momentum, seed: of the bank.
        kind: one of `KINDS`.
        temperature: divides every similarity.
        negatives: how many pictures are drawn.
    """

    def __init__(
        self,
        name: str,
        *,
        pictures: int,
        dimension: int,
        momentum: float,
        kind: str = "softmax",
        temperature: float = 0.1,
        negatives: int = 4096,
        seed: int = 0,
    ):
        super().__init__(name=name, dtype="float32")
        self.kind, self.temperature, self.negatives, self.pictures = kind, temperature, negatives, pictures
        seed = seed_of(name, seed)
        self.bank = Bank("bank", pictures=pictures, dimension=dimension, momentum=momentum, seed=seed)
        same = {
            "trainable": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        if kind == "nce":
            self.partition = self.add_weight("log_partition", [], initializer="zeros", **same)
            self.estimates = self.add_weight("estimates", [], tf.int64, initializer="zeros", **same)

    def call(self, rows: tf.Tensor, pictures: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Unit rows `[B, D]` of pictures `[B]`, and how many steps were taken -> loss `[B]`, and what `commit` takes
        as `similarities`. Never writes the bank."""
        if self.kind == "softmax":
            logits = tf.matmul(rows, self.bank.everything(), transpose_b=True) / self.temperature
            return tf.nn.sparse_softmax_cross_entropy_with_logits(pictures, logits), ()
        own = tf.reduce_sum(rows * self.bank.rows(pictures), axis=1, keepdims=True)
        drawn = self.bank.drawn(self.negatives, step)
        others = tf.matmul(rows, self.bank.rows(drawn), transpose_b=True)
        if self.kind != "nce":
            others = tf.where(tf.cast(pictures, drawn.dtype)[:, None] == drawn, -float("inf"), others)
        logits = tf.concat([own, others], axis=1) / self.temperature
        if self.kind != "nce":
            return (info_nce if self.kind == "info_nce" else softmax_nce)(logits), ()
        found = tf.reduce_logsumexp(tf.stop_gradient(logits), axis=1, keepdims=True) - math.log(logits.shape[1])
        return nce(logits, self._log_partition(found), self.pictures), found

    def _log_partition(self, found: tf.Tensor) -> tf.Tensor:
        """The kept one; before the first step that of the global batch, of the log of the mean of each row's."""
        first = log_partition(gather(found), self.pictures)
        return tf.where(self.estimates.value() > 0, self.partition.value(), first)

    def commit(self, pictures: tf.Tensor, rows: tf.Tensor, found: tf.Tensor | tuple[()] = ()) -> None:
        """The rows of this replica's pictures enter the bank; the first batch's partition is kept."""
        self.bank.commit(pictures, rows)
        if self.kind == "nce":
            self.partition.assign(self._log_partition(found))
            self.estimates.assign(1)

    def chance(self) -> float:
        """The loss of guessing."""
        m = self.negatives
        of_noise = math.log1p(m) + m * math.log1p(1 / m)
        known = {"softmax": math.log(self.pictures), "info_nce": math.log1p(m), "nce": of_noise, "pirl": of_noise}
        return known[self.kind]
