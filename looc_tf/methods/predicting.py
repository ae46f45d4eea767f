"""Pair methods whose spaces have a predictor behind the head (BYOL, SimSiam)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.keras2 import keras
from looc_tf.methods.facts import Facts
from looc_tf.methods.pairs import Pairs
from looc_tf.models import for_queries
from looc_tf.objectives import Predicted
from looc_tf.views import Space


class Predicting(Pairs):
    """A pair method whose settings have the hidden width of a `predictor`.

    Attributes:
        predictor: (name, hidden width, dimension, normalization) -> the network, one of `looc_tf.models.heads`.
    """

    needs_head_norm = True
    behind_heads = ("predictor",)
    predictor: ClassVar[Callable[..., keras.Sequential]]

    @staticmethod
    def loss_of(cosines: list[tf.Tensor]) -> tf.Tensor:
        """Cosines `[B]` of each pair that meets, prediction and key -> the loss `[B]`."""
        raise NotImplementedError

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.positive(experiment, "method.predictor")

    @classmethod
    def objective(cls, experiment: Experiment, space: Space, facts: Facts) -> Predicted:
        model, norm = experiment.model, for_queries(experiment.model.batch_norm)
        network = cls.predictor(f"{space.name}_predictor", experiment.method.predictor, model.dimension, norm)
        return Predicted(space.name, model.dimension, network, cls.loss_of)
