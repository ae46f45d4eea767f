"""AugSelf: predicting what the augmentations did (Lee et al., NeurIPS 2021, arXiv 2111.09613)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf
from tensorflow import keras

from looc_tf import config
from looc_tf.augment import Augmentation
from looc_tf.augment.base import Parameters
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.methods import simsiam
from looc_tf.methods.base import Batch
from looc_tf.methods.pairs import Encoded
from looc_tf.methods.simsiam import SimSiam
from looc_tf.representations import QUERY, TRUNK
from looc_tf.views import ViewPlan


@dataclass(frozen=True)
class Settings(simsiam.Settings):
    """What is predicted, and how much it counts."""

    name: str = "augself"
    predicts: tuple[str, ...] = ("crop", "color")  # augmentations of the chain
    weight: float = 1.0
    hidden: int = 512  # width of the network that predicts


def _predicted(experiment: Experiment) -> list[str]:
    """Those of the paper's augmentations that a config has."""
    known = Settings.predicts
    return [name for name in known if name in experiment.views.chain] or list(known)


class AugSelf(SimSiam):
    """SimSiam, and a network that reads from the trunk's features of two views how their augmentations differ.

    The difference of the drawn numbers is regressed from both orders of the views; the errors of the augmentations,
    each the mean over its numbers, add up (eq. 3). (The authors' code asks for flips by cross-entropy.)
    """

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = {**SimSiam.recipe, "method.predicts": _predicted}
    reads_parameters = True

    def __init__(self, encoder, plan: ViewPlan, *given, **options):
        super().__init__(encoder, plan, *given, **options)
        self.augmentations = {name: plan.augmentations[name] for name in self.settings.predicts}
        drawn = [each.vector(each.sample(tf.zeros([1, each.numbers]))) for each in self.augmentations.values()]
        self.numbers = [each.shape[1] for each in drawn]  # of each augmentation
        widths = [self.settings.hidden] * 2
        layers = [keras.layers.Dense(width, "relu", name=f"hidden{n}") for n, width in enumerate(widths)]
        self.reader = keras.Sequential(
            [*layers, keras.layers.Dense(sum(self.numbers), "tanh", name="out")], name="reader"
        )
        self.reader.build([None, 2 * encoder.dimension(TRUNK)])
        self.meter("parameters/loss")

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        for name in experiment.method.predicts:
            if name not in chain or type(chain[name]).vector is Augmentation.vector:
                able = [each for each, made in chain.items() if type(made).vector is not Augmentation.vector]
                raise UserError(
                    f"method.predicts names augmentations of views.chain that put their parameters into numbers, "
                    f"{', '.join(able) or 'none here'}. Received {name!r}."
                )
        return super().plan(experiment, chain)

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.positive(experiment, "method.hidden")
        config.between(experiment, 0, 1000, "method.weight")

    def beside(self, batch: Batch, rows: Encoded) -> tf.Tensor:
        if "parameters" not in batch:
            raise UserError(
                f"Method {self.name!r} reads what was drawn. Received batches without it: make them with "
                "training_batches(..., parameters=True)."
            )
        key = next(iter(self.spaces))
        asked = {view: self._drawn(batch["parameters"][view]) for view in (QUERY, key)}
        errors = [
            self._error(rows[a][TRUNK], rows[b][TRUNK], asked[a] - asked[b]) for a, b in ((QUERY, key), (key, QUERY))
        ]
        self.record("parameters/loss", sum(errors) / 2)
        return self.settings.weight * sum(errors) / 2

    def _drawn(self, parameters: Mapping[str, Parameters]) -> tf.Tensor:
        return tf.concat([each.vector(parameters[name]) for name, each in self.augmentations.items()], axis=1)

    def _error(self, one: tf.Tensor, other: tf.Tensor, difference: tf.Tensor) -> tf.Tensor:
        guess = tf.cast(self.reader(tf.concat([one, other], axis=1)), tf.float32)
        errors = tf.split(tf.math.squared_difference(guess, difference), self.numbers, axis=1)
        return tf.add_n([tf.reduce_mean(each, axis=1) for each in errors])
