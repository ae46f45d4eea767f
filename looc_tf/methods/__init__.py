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
from looc_tf.models.normalization import Normalization, for_keys
from looc_tf.models.resnet import RESNETS
from looc_tf.spaces import EmbeddingSpace

__all__ = ["METHODS", "LooC", "Method", "Supervised", "build"]


def _looc(experiment: Experiment, classes: int | None) -> LooC:
    method, model = experiment.method, experiment.model
    names = [space.name for space in method.spaces]
    encoder = Encoder(model, names, branch_per_space=method.branch_per_space)
    key_encoder = Encoder(
        model, names, branch_per_space=method.branch_per_space, norm=_key_norm(experiment), name="key_encoder"
    )
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
    parts = experiment.training.accumulate
    return LooC(encoder, key_encoder, spaces, method.momentum, parts=parts, name=experiment.method.name)


def _key_norm(experiment: Experiment) -> Normalization:
    method, training = experiment.method, experiment.training
    if "/" in experiment.model.backbone and method.key_batch_norm not in ("plain", "shuffled"):  # of another library
        raise UserError(
            f"Backbone {experiment.model.backbone!r} brings its own BatchNorm, which is of each device. Received "
            f"method.key_batch_norm={method.key_batch_norm!r}; set it to 'shuffled' on several devices, to 'plain' on "
            f"one, or use one of {', '.join(RESNETS)}."
        )
    return for_keys(method.key_batch_norm, method.key_groups, training.accumulate, apart=not training.xla)


def _supervised(experiment: Experiment, classes: int | None) -> Supervised:
    if not classes:
        raise UserError("The method 'supervised' needs labels. Received pictures without; put them into class folders.")
    parts = experiment.training.accumulate
    return Supervised(Encoder(experiment.model, []), classes, parts=parts, name=experiment.method.name)


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
    pieces = replicas() * experiment.training.accumulate
    if experiment.training.batch % pieces:
        raise UserError(
            f"training.batch of {experiment.training.batch} cannot be dealt to {replicas()} devices in "
            f"{experiment.training.accumulate} equal parts each. Use a multiple of {pieces}."
        )
    if experiment.method.key_batch_norm == "split" and experiment.method.key_groups % pieces:
        raise UserError(
            f"method.key_groups of {experiment.method.key_groups} cannot be dealt to {replicas()} devices in "
            f"{experiment.training.accumulate} parts each. Use a multiple of {pieces}, or method.key_batch_norm=auto."
        )
    previous = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(experiment.training.precision)
    try:
        keras.utils.set_random_seed(experiment.seed)
        with tf.distribute.get_strategy().scope():
            return METHODS[experiment.method.name](experiment, classes)
    finally:
        keras.mixed_precision.set_global_policy(previous)
