"""A network of as many parameters as another."""

from __future__ import annotations

import dataclasses

from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.methods.arithmetic import parameters
from looc_tf.models.resnet import RESNETS


def with_parameters_of(experiment: Experiment, other: Experiment) -> Experiment:
    """A network of the width with which it has as many parameters as another, as nearly as a whole width allows.

    Raises:
        UserError: the backbone has no width.
    """
    wanted, narrow = parameters(other), parameters(_of_width(experiment, 1))
    if wanted is None or narrow is None:
        raise UserError(
            f"As many parameters are had by another width, which these have: {', '.join(RESNETS)}. "
            f"Received model.backbone={experiment.model.backbone!r}."
        )
    width = 1
    while (parameters(_of_width(experiment, width)) or 0) < wanted:
        width += 1
    around = [_of_width(experiment, each) for each in (max(1, width - 1), width)]
    return min(around, key=lambda each: abs((parameters(each) or 0) - wanted))


def _of_width(experiment: Experiment, width: int) -> Experiment:
    return dataclasses.replace(experiment, model=dataclasses.replace(experiment.model, width=width))
