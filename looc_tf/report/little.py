"""The demo on few pictures: its configs with a smaller batch, and with what hangs on it in proportion."""

from __future__ import annotations

from collections.abc import Mapping

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.experiments import from_text
from looc_tf.methods import heads_of

BATCHES = (64, 32, 16)  # below that of the shipped configs; with fewer pictures than the last there is nothing to see
OF_A_GROUP = 16  # keys that are normalised together, as in the shipped configs; in two groups at least, see README


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

    Queues, prototypes and learning rate keep their proportion to the batch, and the keys of a step are normalised in
    groups of as many as before.
    """
    if batch not in BATCHES:
        return dict(experiments)
    return {label: _with_batch(experiment, batch) for label, experiment in experiments.items()}


def told(experiment: Experiment, pictures: int, before: int) -> str:
    """What was lowered, in one line."""
    batch = experiment.training.batch
    own = f", queues of {2 * batch} and {_groups(batch)} key groups" if _has_queues(experiment) else ""
    return (
        f"With {pictures} training pictures the demo takes batches of {batch} in place of {before}{own}: a look, no "
        "measurement."
    )


def _groups(batch: int) -> int:
    return max(2, batch // OF_A_GROUP)


def _has_queues(experiment: Experiment) -> bool:
    return experiment.method.name == "looc"


def _with_batch(experiment: Experiment, batch: int) -> Experiment:
    before, settings = experiment.training.batch, experiment.method
    changes = [f"training.batch={batch}", f"optimizer.reference_batch={before}"]
    if _has_queues(experiment):
        changes += [f"method.key_groups={_groups(batch)}"]
        changes += [f"method.spaces.{number}.queue={2 * batch}" for number in range(len(heads_of(experiment)))]
    if hasattr(settings, "prototypes"):
        changes += [f"method.prototypes={max(2, settings.prototypes * batch // before)}"]
    return from_text(config.to_yaml(experiment), changes)
