"""RotNet: telling how a picture is turned (Gidaris, Singh, Komodakis, ICLR 2018, arXiv 1803.07728)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Augmentation
from looc_tf.config import Experiment
from looc_tf.keras2 import keras
from looc_tf.methods.base import Batch
from looc_tf.methods.classify import Classify
from looc_tf.methods.facts import Facts
from looc_tf.methods.few_values import Normalized
from looc_tf.methods.networks import build_encoder
from looc_tf.methods.passes import Passes
from looc_tf.methods.turns import TURNING, TURNS, in_all_turns
from looc_tf.representations import QUERY, TRUNK
from looc_tf.views import ViewPlan, single


@dataclass(frozen=True)
class Settings(config.Method):
    """There is nothing to set."""

    name: str = "rotnet"


class RotNet(Classify):
    """Each picture of a batch is shown in all four turns, and a linear classifier of the trunk tells which is which.

    The view is turned by nothing else: `rotation` in the chain is left out of it.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="rotnet")
        >>> looc_tf.build_method(experiment).classifier.units, looc_tf.build_plan(experiment).views[0].draws
        (4, (0, 0, None))
    """

    Settings: ClassVar[type[config.Method]] = Settings
    recipe: ClassVar[Mapping[str, Any]] = {"optimizer.weight_decay": 5e-4}

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        return single(chain, without=TURNING)

    @classmethod
    def seen(cls, experiment: Experiment) -> dict[str, Callable[[tf.Tensor], tf.Tensor]]:
        return {f"turned {90 * turn}°": functools.partial(tf.image.rot90, k=turn) for turn in range(1, TURNS)}

    @classmethod
    def passes(cls, experiment: Experiment, plan: ViewPlan) -> dict[str, Passes]:
        return {QUERY: Passes(learning=TURNS)}

    @classmethod
    def normalized(cls, experiment: Experiment, devices: int) -> dict[str, Normalized]:
        """Those of the queries, in all turns."""
        return {
            what: replace(each, rows=TURNS * each.rows)
            for what, each in super().normalized(experiment, devices).items()
        }

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> RotNet:
        encoder = build_encoder(experiment, [], backbone)
        return cls(encoder, TURNS, accumulate=experiment.training.accumulate, name=experiment.method.name)

    def asked(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        turned, turns = in_all_turns(batch["views"][QUERY])
        return self.encoder(turned, training=True)[TRUNK], turns
