"""AugSelf: predicting what the augmentations did (Lee et al., NeurIPS 2021, arXiv 2111.09613)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf.augment import Augmentation
from looc_tf.augment.vectors import vectors, widths, with_vectors
from looc_tf.config import Experiment
from looc_tf.methods import simsiam
from looc_tf.methods.auxiliary import Auxiliary, predictor_of
from looc_tf.methods.base import Batch
from looc_tf.methods.pairs import Encoded
from looc_tf.methods.recipes import hidden
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


ADDED = {"method.predicts": _predicted, "method.hidden": hidden(1 / 4)}  # what it asks beside SimSiam


class AugSelf(Auxiliary, SimSiam):
    """SimSiam, and a network that reads from the trunk's features of two views how their augmentations differ.

    The difference of the drawn numbers is regressed from both orders of the views; the errors of the augmentations,
    each the mean over its numbers, add up. (The authors' code asks for flips by cross-entropy.)

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="augself")
        >>> method = looc_tf.build_method(experiment)
        >>> method.settings.predicts, looc_tf.build_plan(experiment).recorded
        (('crop', 'color'), True)
    """

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = {**SimSiam.recipe, **ADDED}

    def __init__(self, encoder, plan: ViewPlan, *given, **options):
        super().__init__(encoder, plan, *given, **options)
        self.augmentations = with_vectors(plan.augmentations, self.settings.predicts, "method.predicts")
        self.numbers, inputs = widths(self.augmentations), 2 * encoder.dimension(TRUNK)
        self.reader = predictor_of("reader", inputs, self.settings.hidden, sum(self.numbers), activation="tanh")
        self.meter("parameters/loss")

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        with_vectors(chain, experiment.method.predicts, "method.predicts")
        return ViewPlan(chain, super().plan(experiment, chain).views, recorded=True)

    def beside(self, batch: Batch, rows: Encoded) -> tf.Tensor:
        key = next(iter(self.spaces))
        asked = {view: vectors(self.augmentations, self.drawn(batch, view)) for view in (QUERY, key)}
        errors = [
            self._error(rows[a][TRUNK], rows[b][TRUNK], asked[a] - asked[b]) for a, b in ((QUERY, key), (key, QUERY))
        ]
        self.record("parameters/loss", sum(errors) / 2)
        return self.settings.weight * sum(errors) / 2

    def _error(self, one: tf.Tensor, other: tf.Tensor, difference: tf.Tensor) -> tf.Tensor:
        guess = tf.cast(self.reader(tf.concat([one, other], axis=1)), tf.float32)
        errors = tf.split(tf.math.squared_difference(guess, difference), self.numbers, axis=1)
        return tf.add_n([tf.reduce_mean(each, axis=1) for each in errors])
