"""BatchNorm for queries and for keys, under which a batch of keys cannot be told from its statistics."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
from tensorflow import keras

from looc_tf.distribute import replicas
from looc_tf.errors import unknown

Normalization = Callable[[str], keras.layers.Layer]

MOMENTUM, EPSILON = 0.9, 1e-5  # PyTorch's defaults, with which the recipes of the field were found


class SplitBatchNormalization(keras.layers.BatchNormalization):
    """BatchNorm whose training statistics are taken over each of several equal groups of the batch.

    On one device it stands in for the shuffling BatchNorm of MoCo (He et al. 2020, section 3.3): with keys shuffled
    before, the statistics that a key sees are not those of its query's batch, so they cannot give the answer away.
    `groups` counts the groups of the global batch, whatever the number of replicas; where it does not divide the batch,
    the largest divisor of it that does is used. The moving statistics follow the mean over groups.
    """

    def __init__(self, groups: int, **options):
        super().__init__(**options)
        self.groups = groups

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """`[B, ..., C]` -> the same shape."""
        if not training:
            return super().call(inputs, training=False)
        parts = tf.reshape(inputs, [self._groups(inputs), -1, inputs.shape[-1]])
        # In one piece: the fused kernel, once for each group, is no faster, and XLA takes minutes to compile so many.
        parts = tf.cast(parts, tf.float32)
        mean, variance = tf.nn.moments(parts, axes=[1], keepdims=True)
        outputs = tf.nn.batch_normalization(parts, mean, variance, self.beta, self.gamma, self.epsilon)
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance)
        return tf.cast(tf.reshape(outputs, tf.shape(inputs)), inputs.dtype)

    def _groups(self, inputs: tf.Tensor) -> int | tf.Tensor:
        """How many groups; a tensor where the batch is not known before the step runs."""
        here = max(1, self.groups // replicas())
        divisors = [d for d in range(1, here + 1) if here % d == 0]
        if inputs.shape[0] is not None:
            return max(d for d in divisors if inputs.shape[0] % d == 0)
        return tf.reduce_max(tf.where(tf.shape(inputs)[0] % divisors == 0, divisors, 1))

    def _follow(self, moving: tf.Variable, statistics: tf.Tensor) -> None:
        moving.assign(self.momentum * moving + (1 - self.momentum) * tf.reduce_mean(statistics, axis=[0, 1]))

    def get_config(self) -> dict:
        return {**super().get_config(), "groups": self.groups}


def plain(name: str) -> keras.layers.Layer:
    """Statistics of the batch of one replica."""
    return keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)


def sync(name: str) -> keras.layers.Layer:
    """Statistics of the global batch, over all replicas."""
    return keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, synchronized=True, name=name)


def split(groups: int) -> Normalization:
    """Statistics of each of `groups` parts of the global batch."""
    return lambda name: SplitBatchNormalization(groups, momentum=MOMENTUM, epsilon=EPSILON, name=name)


def for_keys(name: str, groups: int, parts: int = 1) -> Normalization:
    """The normalization of keys that `method.key_batch_norm` names, on as many replicas as there are.

    Args:
        name: "shuffled" and "plain" are the same layer: what differs is where a key is encoded.
        groups: of the global batch, for "split".
        parts: into which each replica cuts its batch, one after another.
    """
    if name == "auto":
        name = "split" if groups % (parts * replicas()) == 0 else "shuffled"
    kinds = {"split": split(groups // parts), "sync": sync, "shuffled": plain, "plain": plain}
    if name not in kinds:
        raise unknown("method.key_batch_norm", name, ["auto", *kinds])
    return kinds[name]


QUERY_NORMALIZATIONS: dict[str, Normalization] = {"plain": plain, "sync": sync}


def for_queries(name: str) -> Normalization:
    """The normalization that a config names."""
    if name not in QUERY_NORMALIZATIONS:
        raise unknown("model.batch_norm", name, QUERY_NORMALIZATIONS)
    return QUERY_NORMALIZATIONS[name]
