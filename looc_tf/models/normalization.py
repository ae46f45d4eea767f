"""BatchNorm: of each replica, over all of them, or of groups of the batch, so that no key is told by its statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from looc_tf.distribute import replicas
from looc_tf.errors import unknown
from looc_tf.keras2 import keras

Normalization = Callable[[str], keras.layers.Layer]

MOMENTUM, EPSILON = 0.9, 1e-5  # PyTorch's defaults, with which the recipes of the field were found


def _kernel(layer: keras.layers.BatchNormalization, channels: int) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    """TensorFlow's kernel with a layer's parameters: `[N, H, W, C]` -> the same normalised, mean and unbiased variance
    `[C]`."""
    scale = tf.identity(layer.gamma) if layer.scale else tf.ones([channels])
    offset = tf.identity(layer.beta) if layer.center else tf.zeros([channels])
    options = {"scale": scale, "offset": offset, "mean": tf.zeros([0]), "variance": tf.zeros([0])}
    return lambda part: tuple(tf.raw_ops.FusedBatchNormV3(x=part, epsilon=layer.epsilon, **options)[:3])


@keras.saving.register_keras_serializable(package="looc_tf")
class SyncBatchNormalization(keras.layers.BatchNormalization):
    """BatchNorm with the statistics of the global batch, by TensorFlow's kernel where one replica has all of it.

    Keras's own does without the kernel on any number of replicas, which costs a network of convolutions a fifth of its
    time. The numbers are the same but for rounding.
    """

    def __init__(self, **options):
        super().__init__(**{**options, "synchronized": True})

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """`[B, ..., C]` -> the same shape."""
        if training is not True or not self.trainable or replicas() > 1:
            return super().call(inputs, training=training)
        rows = tf.reshape(inputs, [1, -1, 1, inputs.shape[-1]])
        outputs, mean, variance = _kernel(self, inputs.shape[-1])(rows)
        count = tf.cast(tf.shape(rows)[1], tf.float32)
        for moving, value in (self.moving_mean, mean), (self.moving_variance, variance * (count - 1) / count):
            moving.assign(self.momentum * moving + (1 - self.momentum) * value)
        return tf.reshape(outputs, tf.shape(inputs))


@keras.saving.register_keras_serializable(package="looc_tf")
class SplitBatchNormalization(keras.layers.BatchNormalization):
    """BatchNorm whose training statistics are taken over each of several equal groups of the batch.

    On one device it stands in for the shuffling BatchNorm of MoCo (He et al. 2020, section 3.3): with keys shuffled
    before, the statistics that a key sees are not those of its query's batch, so they cannot give the answer away.
    `groups` counts the groups of the global batch, whatever the number of replicas; where it does not divide the batch,
    the largest divisor of it that does is used. The moving statistics follow the mean over groups.

    Args:
        groups: how many.
        apart: use TensorFlow's kernel for each group; `False` where XLA compiles the step.
    """

    def __init__(self, groups: int, apart: bool = True, **options):
        super().__init__(**options)
        self.groups, self.apart = groups, apart

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """`[B, ..., C]` -> the same shape."""
        if not training:
            return super().call(inputs, training=False)
        parts = tf.reshape(inputs, [self._groups(inputs), -1, inputs.shape[-1]])
        outputs, means, variances = self._each(parts) if self.apart else self._together(parts)
        self._follow(self.moving_mean, means)
        self._follow(self.moving_variance, variances)
        return tf.reshape(outputs, tf.shape(inputs))

    def _each(self, parts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """`[G, N, C]` normalised, mean and variance `[G, C]`: each group alone, so that they are the same bits wherever
        the other groups are."""
        normalize = _kernel(self, parts.shape[-1])
        images = parts[:, tf.newaxis, :, tf.newaxis]
        if parts.shape[0] is not None:
            outputs, means, variances = (tf.stack(each) for each in zip(*map(normalize, tf.unstack(images))))
        else:
            outputs, means, variances = tf.map_fn(
                normalize, images, fn_output_signature=(parts.dtype, tf.float32, tf.float32)
            )
        count = tf.cast(tf.shape(parts)[1], tf.float32)
        return outputs, means, variances * (count - 1) / count  # the kernel's variance is the unbiased one

    def _together(self, parts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The same but for rounding, in a few operations: XLA would take minutes to compile a kernel for each group."""
        values = tf.cast(parts, tf.float32)
        means, variances = tf.nn.moments(values, axes=[1], keepdims=True)
        outputs = tf.nn.batch_normalization(values, means, variances, self.beta, self.gamma, self.epsilon)
        return tf.cast(outputs, parts.dtype), means[:, 0], variances[:, 0]

    def _groups(self, inputs: tf.Tensor) -> int | tf.Tensor:
        """How many groups; a tensor where the batch is not known before the step runs."""
        if inputs.shape[0] is not None:
            return self.groups_for(inputs.shape[0])
        divisors = self._divisors()
        return tf.reduce_max(tf.where(tf.shape(inputs)[0] % divisors == 0, divisors, 1))

    def groups_for(self, rows: int) -> int:
        """Into how many groups so many rows of this replica are cut."""
        return max(d for d in self._divisors() if rows % d == 0)

    def _divisors(self) -> list[int]:
        here = max(1, self.groups // replicas())
        return [d for d in range(1, here + 1) if here % d == 0]

    def _follow(self, moving: tf.Variable, statistics: tf.Tensor) -> None:
        moving.assign(self.momentum * moving + (1 - self.momentum) * tf.reduce_mean(statistics, axis=0))

    def get_config(self) -> dict:
        return {**super().get_config(), "groups": self.groups, "apart": self.apart}


def groups_of(model: keras.Model, rows: int) -> tuple[int, int]:
    """Into how many groups a network's `SplitBatchNormalization` should cut so many rows of this replica, and does;
    (1, 1) where it has none."""
    layer = next((each for each in model.submodules if isinstance(each, SplitBatchNormalization)), None)
    return (1, 1) if layer is None else (max(1, layer.groups // replicas()), layer.groups_for(rows))


def plain(name: str) -> keras.layers.Layer:
    """Statistics of the batch of one replica."""
    return keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)


def sync(name: str) -> keras.layers.Layer:
    """Statistics of the global batch, over all replicas."""
    return SyncBatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)


def layer(name: str) -> keras.layers.Layer:
    """Statistics of each picture alone, over all of its channels and places: none of a batch."""
    return keras.layers.GroupNormalization(groups=1, epsilon=EPSILON, name=name)


def split(groups: int, apart: bool = True) -> Normalization:
    """Statistics of each of `groups` parts of the global batch."""
    return lambda name: SplitBatchNormalization(groups, apart, momentum=MOMENTUM, epsilon=EPSILON, name=name)


KEY_NORMALIZATIONS = ("auto", "split", "shuffled", "sync", "plain")


def for_keys(name: str, groups: int, parts: int = 1, apart: bool = True) -> Normalization:
    """The normalization of keys that `method.key_batch_norm` names, on as many replicas as there are.

    Args:
        name: "shuffled" and "plain" are the same layer: what differs is where a key is encoded.
        groups: of the global batch, for "split".
        parts: into which each replica cuts its batch, one after another.
        apart: see `SplitBatchNormalization`.
    """
    if name == "auto":
        name = "split" if groups % (parts * replicas()) == 0 else "shuffled"
    if name not in KEY_NORMALIZATIONS:
        raise unknown("method.key_batch_norm", name, KEY_NORMALIZATIONS)
    return {"split": split(groups // parts, apart), "sync": sync, "shuffled": plain, "plain": plain}[name]


QUERY_NORMALIZATIONS: dict[str, Normalization] = {"plain": plain, "sync": sync, "layer": layer}


def for_queries(name: str) -> Normalization:
    """The normalization that a config names."""
    if name not in QUERY_NORMALIZATIONS:
        raise unknown("model.batch_norm", name, QUERY_NORMALIZATIONS)
    return QUERY_NORMALIZATIONS[name]


def to_config(norm: Normalization) -> dict[str, Any]:
    """The kind of layer that a normalization makes, as JSON can hold it: without a name, and without the precision,
    which is that of the network around it."""
    described = keras.saving.serialize_keras_object(norm("norm"))
    own = {name: value for name, value in described["config"].items() if name not in ("name", "dtype")}
    return {**described, "config": own}


def from_config(described: Mapping[str, Any]) -> Normalization:
    """The inverse of `to_config`."""
    return lambda name: keras.saving.deserialize_keras_object(
        {**described, "config": {**described["config"], "name": name}}
    )


def is_normalized(model: keras.Model) -> bool:
    """Whether there is a BatchNorm anywhere in it."""
    return any(isinstance(each, keras.layers.BatchNormalization) for each in model.submodules)
