"""Pictures that are open already, in the place of those that a config names."""

from __future__ import annotations

from looc_tf import experiments
from looc_tf.config import Experiment
from looc_tf.data import Source
from looc_tf.errors import UserError


def on_source(experiment: Experiment, source: Source | None) -> Experiment:
    """The experiment as it is trained on an open source: on its name, which the run folder will say.

    Raises:
        UserError: it holds its pictures at another size than the config says, at which they would be embedded.
    """
    if source is None:
        return experiment
    if source.size != experiment.data.size:
        raise UserError(
            f"Expected pictures held at data.size of {experiment.data.size} px. Received a source of {source.size} px. "
            f"Open it with size={experiment.data.size}, or set data.size={source.size}."
        )
    return experiments.with_data(experiment, source.name or None)
