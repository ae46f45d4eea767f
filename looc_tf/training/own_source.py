"""Pictures that are open already, in the place of those that a config names."""

from __future__ import annotations

import dataclasses

from looc_tf import experiments
from looc_tf.config import Experiment
from looc_tf.data import Source
from looc_tf.errors import UserError


def on_source(experiment: Experiment, source: Source | None) -> Experiment:
    """The experiment as it is trained on an open source: on its name and its bands, which the run folder will say.

    Raises:
        UserError: it holds its pictures at another size, or of other bands, than the config says.
    """
    if source is None:
        return experiment
    if source.size != experiment.data.size:
        raise UserError(
            f"Expected pictures held at data.size of {experiment.data.size} px. Received a source of {source.size} px. "
            f"Open it with size={experiment.data.size}, or set data.size={source.size}."
        )
    bands = source.pixels.bands or None
    if experiment.data.bands not in (None, bands):
        raise UserError(
            f"Expected pictures of data.bands={list(experiment.data.bands)}. Received a source of "
            f"{list(bands) if bands else 'RGB'}. Make it with these bands, or leave data.bands out."
        )
    experiment = experiments.with_data(experiment, source.name or None)
    return dataclasses.replace(experiment, data=dataclasses.replace(experiment.data, bands=bands))
