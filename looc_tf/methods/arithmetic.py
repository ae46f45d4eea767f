"""How many parameters a training's network has and how many operations a step costs, by arithmetic."""

from __future__ import annotations

from typing import Optional

from looc_tf import methods
from looc_tf.config import Experiment
from looc_tf.models.arithmetic import Size, resnet_sizes
from looc_tf.models.resnet import RESNETS
from looc_tf.representations import BRANCH, QUERY

BACKWARD = 2  # passes that a backward pass costs


def parameters(experiment: Experiment) -> Optional[int]:
    """Trained numbers of what gives the trunk's features; of LooC++ and MoCo++ these are all the last stages.

    None of a backbone that is no ResNet of this library.
    """
    if experiment.model.backbone not in RESNETS:
        return None
    return sum(shared.parameters + count * last.parameters for shared, last, count in _trunks(experiment))


def with_heads(experiment: Experiment) -> Optional[int]:
    """The same with the weights of the projection heads, whose biases and BatchNorm count for nothing."""
    trunk, model = parameters(experiment), experiment.model
    if trunk is None:
        return None
    features, inner = 8 * model.width * RESNETS[model.backbone].expansion, model.hidden
    each = features * model.dimension if model.head == "linear" else (features + model.dimension) * inner
    return trunk + len(methods.heads_of(experiment)) * each


def operations(experiment: Experiment) -> Optional[int]:
    """Floating-point operations of the convolutions that one picture costs in one step, of LooC++ and MoCo++ through
    the last stages that read a view.
    """
    if experiment.model.backbone not in RESNETS:
        return None
    rows = {view.name: view for view in methods.build_plan(experiment).views}
    branches, count = _branches(experiment), 0.0
    for name, passes in methods.passes_of(experiment).items():
        for shared, last, stages in _trunks(experiment):
            readers = len({*rows[name].positive, *rows[name].negative}) if name != QUERY and branches else stages
            count += ((1 + BACKWARD) * passes.learning + passes.still) * (shared.operations + readers * last.operations)
    return round(count)


def _trunks(experiment: Experiment) -> list[tuple[Size, Size, int]]:
    """Of each trunk its shared part, a last stage, and how many of these it has."""
    seen = methods.class_of(experiment).channels(experiment)
    stages = max(1, _branches(experiment) // len(seen))
    return [(*resnet_sizes(experiment.model, experiment.views.size, channels), stages) for channels in seen]


def _branches(experiment: Experiment) -> int:
    return sum(name.startswith(BRANCH) for name in methods.representations_of(experiment))
