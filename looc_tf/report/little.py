"""The demo on few pictures: its configs with a smaller batch, and with what hangs on it in proportion."""

from __future__ import annotations

from collections.abc import Mapping

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.experiments import from_text
from looc_tf.methods import class_of

BATCHES = (64, 32, 16)  # below that of the shipped configs; with fewer pictures than the last there is nothing to see


def fitting(experiments: Mapping[str, Experiment], pictures: int, name: str) -> dict[str, Experiment]:
    """The demo's experiments with the largest batch that so many training pictures fill.

    Raises:
        UserError: they are too few for any.
    """
    batch = max(experiment.training.batch for experiment in experiments.values())
    if pictures >= batch:
        return dict(experiments)
    smaller = next((one for one in BATCHES if one <= pictures), None)
    if smaller is None:
        raise UserError(
            f"Expected {BATCHES[-1]} training pictures at least for a demo. {name!r} has {pictures}; about a fifth of "
            "a folder is held out for measuring. Give more pictures."
        )
    return with_batch(experiments, smaller)


def with_batch(experiments: Mapping[str, Experiment], batch: int) -> dict[str, Experiment]:
    """The demo's experiments with one of `BATCHES`; as they are for any other number.

    The learning rate keeps its proportion to the batch, and so do settings of the method that hang on it.
    """
    if batch not in BATCHES:
        return dict(experiments)
    return {label: _with_batch(experiment, batch) for label, experiment in experiments.items()}


def told(experiment: Experiment, pictures: int, before: int) -> str:
    """What was lowered, in one line."""
    batch = experiment.training.batch
    own = dict.fromkeys(each.rpartition(".")[2] for each in class_of(experiment).for_batch(experiment, batch))
    lowered = f"batches of {batch} in place of {before}" + (f", with {' and '.join(own)}" if own else "")
    return f"With {pictures} training pictures the demo takes {lowered}: a look, no measurement."


def _with_batch(experiment: Experiment, batch: int) -> Experiment:
    own = class_of(experiment).for_batch(experiment, batch)
    smaller = [f"training.batch={batch}", f"optimizer.reference_batch={experiment.training.batch}"]
    return from_text(config.to_yaml(experiment), [*smaller, *own])
