"""The methods, and how an experiment's config becomes one.

>>> METHODS["byol"].__name__, has_spaces("supervised")
('BYOL', False)
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from looc_tf import representations
from looc_tf.augment import build_chain
from looc_tf.config import Experiment
from looc_tf.data import Source
from looc_tf.distribute import replicas
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.methods.base import Method
from looc_tf.methods.checks import check_devices, check_sizes, check_stages, check_whole
from looc_tf.methods.facts import Facts
from looc_tf.methods.few_values import ENOUGH, fewest, refuse_none
from looc_tf.methods.passes import Passes
from looc_tf.methods.recipes import applied
from looc_tf.methods.seeds import seeded
from looc_tf.methods.table import (
    AMDIM,
    BYOL,
    CMC,
    CPC,
    DIM,
    DINO,
    ESSL,
    METHODS,
    PIRL,
    AugSelf,
    Colorize,
    ESSLSimSiam,
    FineTune,
    InstDisc,
    Jigsaw,
    Joint,
    LooC,
    RelativePatch,
    RotNet,
    SimCLR,
    SimSiam,
    Supervised,
    SwAV,
    class_of,
    named,
    settings_of,
)
from looc_tf.models import begin_with, precision, start_from
from looc_tf.views import ViewPlan

log = logging.getLogger(__name__)

__all__ = [
    "AMDIM",
    "BYOL",
    "CMC",
    "CPC",
    "DIM",
    "DINO",
    "ESSL",
    "METHODS",
    "PIRL",
    "AugSelf",
    "Colorize",
    "ESSLSimSiam",
    "Facts",
    "FineTune",
    "InstDisc",
    "Jigsaw",
    "Joint",
    "LooC",
    "Method",
    "RelativePatch",
    "RotNet",
    "SimCLR",
    "SimSiam",
    "Supervised",
    "SwAV",
    "begin_with_weights",
    "build",
    "build_plan",
    "check",
    "few_values",
    "forwards",
    "has_spaces",
    "heads_of",
    "in_recipe",
    "passes_of",
    "pictures_of",
    "representations_of",
    "seen_of",
    "settings_of",
]


def in_recipe(experiment: Experiment, name: str) -> Experiment:
    """An experiment with another method in that method's own recipe; as it is where it has this method already.

    Raises:
        UserError: there is no such method, with the nearest name; it begins with a run, as fine-tuning does.
    """
    kind = named(name)
    if kind is FineTune:
        raise UserError("Fine-tuning begins with a run. Use looc finetune RUN, or looc_tf.finetune.")
    if experiment.method.name == name:
        return experiment
    return applied(kind.recipe, class_of(experiment).recipe, experiment, settings_of, name)


def build_plan(experiment: Experiment) -> ViewPlan:
    """The views of an experiment: its augmentations in the rows that its method takes.

    >>> [view.name for view in build_plan(Experiment(method=SimCLR.Settings(local_views=0))).views]
    ['query', 'all']
    """
    chain = build_chain(experiment.views.chain, experiment.views.size, experiment.data.channels)
    return class_of(experiment).plan(experiment, chain)


def seen_of(experiment: Experiment) -> dict[str, Callable[[tf.Tensor], tf.Tensor]]:
    """What the networks of an experiment are shown of the query where that is not the view itself, for people."""
    return class_of(experiment).seen(experiment)


def forwards(experiment: Experiment) -> float:
    """Passes of an encoder over each picture of a batch, those of small views by their share of the pixels."""
    return sum(passes.learning + passes.still for passes in passes_of(experiment).values())


def passes_of(experiment: Experiment) -> dict[str, Passes]:
    """View -> how often a step encodes it, a small one by its share of the pixels."""
    plan = build_plan(experiment)
    sizes = {view.name: plan.size(view, experiment.data.size) / experiment.views.size for view in plan.views}
    passes = class_of(experiment).passes(experiment, plan)
    return {view: Passes(*(count * sizes[view] ** 2 for count in each)) for view, each in passes.items()}


def pictures_of(experiment: Experiment, source: Source) -> Source:
    """Those of the training pictures that the method of an experiment trains on; `UserError` where it can use none."""
    return class_of(experiment).pictures(experiment, source)


def heads_of(experiment: Experiment) -> list[str]:
    """The names of an experiment's embedding spaces; none where its method has none."""
    return class_of(experiment).heads(experiment)


def has_spaces(name: str) -> bool:
    """Whether a method takes a list of embedding spaces."""
    return "spaces" in {field.name for field in dataclasses.fields(settings_of(name))}


def representations_of(experiment: Experiment) -> list[str]:
    """The names under which an experiment's results are listed, in the order of tables."""
    kind = class_of(experiment)
    return representations.of_spaces(kind.heads(experiment), kind.has_branches(experiment))


def check(experiment: Experiment, devices: int | None = None) -> None:
    """Raises a `UserError` for views and settings that the method cannot work with, before any picture is opened.

    Args:
        experiment: the config.
        devices: on how many it is to be trained; None where it was trained already, or nobody knows.
    """
    kind = class_of(experiment)
    kind.check(experiment, devices)
    check_whole(kind, experiment)
    check_sizes(kind, build_plan(experiment), experiment)
    check_stages(kind, experiment)
    if devices is not None:
        check_devices(experiment, devices)


def few_values(experiment: Experiment, devices: int, resume: bool = False) -> str:
    """Why the statistics of BatchNorm are of too few values in a training, with remedies; "" where they are of enough.

    Args:
        experiment: the config, checked.
        devices: on how many it is trained.
        resume: whether it is gone on with, which is told and not refused.

    Raises:
        UserError: each would be of one value.
    """
    if experiment.training.steps == 0:
        return ""
    kind = class_of(experiment)
    heads = ["head"] if kind.heads(experiment) and experiment.model.head.endswith("norm_mlp") else []
    values, why = fewest(experiment, kind.normalized(experiment, devices), [*heads, *kind.behind_heads])
    if not resume:
        refuse_none(values, why)
    return why if values < ENOUGH else ""


def build(
    experiment: Experiment, facts: Facts | None = None, *, backbone: keras.Model | None = None, weights: bool = True
) -> Method:
    """The method of an experiment under the current strategy, with drawn weights, the same for a seed, or those that
    `model.weights` names.

    The caller's own random numbers go on as if nothing had been drawn.

    Args:
        experiment: the config.
        facts: of the pictures and the training, for methods that need them.
        backbone: a network of one's own, with the weights it has, instead of the one that `model.backbone` names: see
            `looc_tf.Encoder`. A run folder cannot hold it: for `train`, register it in `looc_tf.models.BACKBONES`.
        weights: whether to read `model.weights`; a run that is restored or resumed does not.

    Raises:
        UserError: an unknown method or backbone, parts that do not go together, or a batch that cannot be dealt out.

    >>> from looc_tf.config import Model
    >>> method = build(Experiment(model=Model(width=4), method=SimCLR.Settings()))
    """
    kind = class_of(experiment)
    kind.check(experiment)
    check_whole(kind, experiment)
    check_devices(experiment, replicas())
    _tell_policy(keras.mixed_precision.global_policy().name, experiment.training.precision)
    own = {} if backbone is None else {"backbone": backbone}  # a method from elsewhere need not take it
    with precision(experiment.training.precision), seeded(experiment.seed), tf.distribute.get_strategy().scope():
        method = kind.from_experiment(experiment, facts or Facts(), **own)
        if weights:
            begin_with_weights(method, experiment)
        return method


def begin_with_weights(method: Method, experiment: Experiment) -> dict[str, Any] | None:
    """Gives a method the trunk that `model.weights` names, its slow copies too; what was taken, None where there is
    none; raises as `looc_tf.models.begin_with`."""
    if experiment.model.weights is None:
        return None
    taken = begin_with(method.encoder, experiment.model.weights)
    for copy in method.slow_copies():
        start_from(copy, method.encoder)
    return taken


@functools.cache  # once a process
def _tell_policy(policy: str, decided: str) -> None:
    if policy not in ("float32", decided):
        log.warning(
            f"Keras's global policy is {policy!r}; a method is built in the precision of its config, {decided!r}. To "
            f"have the former, set training.precision={policy}."
        )
