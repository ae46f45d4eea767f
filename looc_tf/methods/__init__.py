"""The methods, and how an experiment's config becomes one."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import tensorflow as tf
from tensorflow import keras

from looc_tf.config import Experiment
from looc_tf.distribute import replicas
from looc_tf.errors import UserError, unknown
from looc_tf.methods.base import Method
from looc_tf.methods.looc import LooC
from looc_tf.methods.supervised import Supervised
from looc_tf.models import Encoder
from looc_tf.models.normalization import split
from looc_tf.models.resnet import RESNETS
from looc_tf.spaces import EmbeddingSpace

__all__ = ["METHODS", "LooC", "Method", "Supervised", "build"]


def _looc(experiment: Experiment, classes: int | None) -> LooC:
    method, model = experiment.method, experiment.model
    if "/" in model.backbone and method.key_groups != 1:  # of another library
        raise UserError(
            f"Backbone {model.backbone!r} brings its own BatchNorm, which cannot be split for keys. "
            f"Received method.key_groups={method.key_groups}; set method.key_groups=1, or use one of "
            f"{', '.join(RESNETS)}."
        )
    names = [space.name for space in method.spaces]
    encoder = Encoder(model, names, branch_per_space=method.branch_per_space)
    key_norm = split(method.key_groups) if method.key_groups > 1 else None
    key_encoder = Encoder(model, names, branch_per_space=method.branch_per_space, norm=key_norm, name="key_encoder")
    spaces = [
        EmbeddingSpace(
            space.name,
            shares=space.shares,
            temperature=space.temperature,
            queue=space.queue,
            dimension=model.dimension,
            # By name, so that adding a space leaves the queues of the others as they were.
            seed=experiment.seed ^ zlib.crc32(space.name.encode()) & 0x7FFFFFFF,
        )
        for space in method.spaces
    ]
    return LooC(encoder, key_encoder, spaces, method.momentum, name=experiment.method.name)


def _supervised(experiment: Experiment, classes: int | None) -> Supervised:
    if not classes:
        raise UserError("The method 'supervised' needs labels. Received pictures without; put them into class folders.")
    return Supervised(Encoder(experiment.model, []), classes, name=experiment.method.name)


METHODS: dict[str, Callable[[Experiment, int | None], Method]] = {"looc": _looc, "supervised": _supervised}


def build(experiment: Experiment, classes: int | None = None) -> Method:
    """The method of an experiment with freshly drawn weights, under the current strategy, the same for a seed.

    Args:
        experiment: the config.
        classes: number of labels, for methods that need them.

    Raises:
        UserError: an unknown method or backbone, parts that do not go together, or a batch that cannot be dealt out.
    """
    if experiment.method.name not in METHODS:
        raise unknown("method", experiment.method.name, METHODS)
    if experiment.training.batch % replicas():
        raise UserError(
            f"training.batch of {experiment.training.batch} cannot be dealt to {replicas()} devices in equal parts. "
            f"Use a multiple of {replicas()}."
        )
    previous = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(experiment.training.precision)
    try:
        keras.utils.set_random_seed(experiment.seed)
        with tf.distribute.get_strategy().scope():
            return METHODS[experiment.method.name](experiment, classes)
    finally:
        keras.mixed_precision.set_global_policy(previous)
