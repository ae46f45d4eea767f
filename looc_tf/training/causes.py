"""What a training that broke off says: the cause and the remedy, and not the place in a graph."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from looc_tf import distribute, experiments
from looc_tf.config import Experiment
from looc_tf.errors import UserError, cause, out_of_memory


@contextmanager
def telling_causes(experiment: Experiment, remedy: str = "") -> Iterator[None]:
    """Turns want of memory inside of the block into a `UserError` that names the settings which need less, and gives a
    `UserError` back that TensorFlow has packed into an error of its own.

    Args:
        experiment: what is trained.
        remedy: in the place of the settings of the steps.
    """
    try:
        yield
    except (MemoryError, OSError, tf.errors.OpError) as error:
        place = out_of_memory(error)
        if place is not None:
            raise UserError(f"Out of memory{place}. {remedy or _less_memory(experiment)}.") from error
        told = re.match("UserError: (.*)", cause(error))
        if told:
            raise UserError(told[1]) from error
        raise


def _less_memory(experiment: Experiment) -> str:
    """The settings that make a step smaller, of those that this method takes."""
    training = experiment.training
    ways = [f"training.batch (of {training.batch})", f"views.size (of {experiment.views.size})"]
    more = dataclasses.replace(training, accumulate=2 * training.accumulate)
    try:
        experiments.check(dataclasses.replace(experiment, training=more), distribute.replicas())
    except UserError:  # it needs the whole batch, or the batch is not dealt so
        return f"Lower {' or '.join(ways)}"
    return f"Lower {' or '.join(ways)}, or set training.accumulate={more.accumulate}"
