"""How many parameters a row's network has, what a step of it costs, and a network of as many parameters."""

from __future__ import annotations

import dataclasses
from typing import Optional

from looc_tf import methods
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.models.arithmetic import resnet_sizes
from looc_tf.models.resnet import RESNETS
from looc_tf.representations import BRANCH, QUERY

BACKWARD = 2  # passes that a backward pass costs


def parameters(experiment: Experiment) -> Optional[int]:
    """Trained numbers of what gives the trunk's features; of LooC++ and MoCo++ these are all the last stages.

    None of a backbone that is no ResNet of this library.
    """
    if experiment.model.backbone not in RESNETS:
        return None
    shared, last = resnet_sizes(experiment.model, experiment.views.size, experiment.data.channels)
    return shared.parameters + max(1, _branches(experiment)) * last.parameters


def with_heads(experiment: Experiment) -> Optional[int]:
    """The same with the weights of the projection heads, whose biases and BatchNorm count for nothing."""
    trunk, model = parameters(experiment), experiment.model
    if trunk is None:
        return None
    features, inner = 8 * model.width * RESNETS[model.backbone].expansion, model.hidden
    each = features * model.dimension if model.head == "linear" else (features + model.dimension) * inner
    return trunk + len(methods.heads_of(experiment)) * each


def operations(experiment: Experiment) -> Optional[int]:
    """Floating-point operations that one picture costs in one step: of a LooC the query forward and backward and each
    key forward, through the last stages that read it; of other methods at most, every view backward too.
    """
    if experiment.model.backbone not in RESNETS:
        return None
    shared, last = resnet_sizes(experiment.model, experiment.views.size, experiment.data.channels)
    plan, branches = methods.build_plan(experiment), _branches(experiment)
    slow = methods.METHODS[experiment.method.name] is methods.LooC
    count = 0.0
    for view in plan.views:
        readers = len({*view.positive, *view.negative}) if view.name != QUERY and branches else max(1, branches)
        passes = 1 if slow and view.name != QUERY else 1 + BACKWARD
        pixels = (plan.size(view, experiment.data.size) / experiment.views.size) ** 2
        count += passes * pixels * (shared.operations + readers * last.operations)
    return round(count)


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


def _branches(experiment: Experiment) -> int:
    return sum(name.startswith(BRANCH) for name in methods.representations_of(experiment))
