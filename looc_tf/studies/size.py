"""How many parameters a row's network has, and a network of as many."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from looc_tf import methods
from looc_tf.config import Experiment, Model
from looc_tf.errors import UserError
from looc_tf.methods.seeds import seeded
from looc_tf.models import trunk_parameters
from looc_tf.models.resnet import RESNETS
from looc_tf.representations import BRANCH

FIT = (4, 8, 12)  # widths; the number of parameters is a quadratic function of it, which three points tell exactly


def parameters(experiment: Experiment) -> int:
    """Trained numbers of what gives the trunk's features; of LooC++ and MoCo++ these are all the last stages."""
    model = experiment.model
    if model.backbone in RESNETS:
        return round(float(np.polyval(_curve(experiment), model.width)))
    return _count(model, experiment.data.channels, _branches(experiment))


def with_parameters_of(experiment: Experiment, other: Experiment) -> Experiment:
    """A network of the width with which it has as many parameters as another, as nearly as a whole width allows.

    Raises:
        UserError: the backbone has no width.
    """
    model = experiment.model
    if model.backbone not in RESNETS:
        raise UserError(
            f"As many parameters are had by another width, which these have: {', '.join(RESNETS)}. "
            f"Received model.backbone={model.backbone!r}."
        )
    wanted, curve = parameters(other), _curve(experiment)
    widths = range(1, 2 * max(other.model.width, model.width) + 1)
    if np.polyval(curve, widths[-1]) < wanted:
        widths = range(1, 16 * widths[-1])
    width = min(widths, key=lambda width: abs(float(np.polyval(curve, width)) - wanted))
    return dataclasses.replace(experiment, model=dataclasses.replace(model, width=width))


def _branches(experiment: Experiment) -> int:
    return sum(name.startswith(BRANCH) for name in methods.representations_of(experiment))


def _curve(experiment: Experiment) -> np.ndarray:
    """a, b, c of the a width^2 + b width + c parameters of its network."""
    model, channels, branches = experiment.model, experiment.data.channels, _branches(experiment)
    counts = [_count(dataclasses.replace(model, width=width), channels, branches) for width in FIT]
    return np.polyfit(FIT, counts, 2)


def _count(model: Model, channels: int, branches: int) -> int:
    shared, last = _parts(Model(model.backbone, model.stem, model.width), channels)
    return shared + max(1, branches) * last


@functools.cache
def _parts(model: Model, channels: int) -> tuple[int, int]:
    with seeded(0):
        return trunk_parameters(model, channels)
