"""SimSiam: prediction of the other view by one network alone (Chen and He, CVPR 2021, arXiv 2011.10566)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.methods.facts import Facts
from looc_tf.methods.pairs import Pairs, PairSettings
from looc_tf.methods.recipes import hidden
from looc_tf.models import bottleneck, for_queries
from looc_tf.objectives import Predicted
from looc_tf.views import Space


@dataclass(frozen=True)
class Settings(PairSettings):
    """The width of the predictor, and whether both views are predicted."""

    name: str = "simsiam"
    predictor: int = 512  # width of its hidden layer, a quarter of `model.dimension` in the paper
    symmetric: bool = True


class SimSiam(Pairs):
    """A predictor behind the head is to point where the head points for the other view; no gradient reaches that one.

    The loss is the mean of `-cos` over both directions (eq. 2): -1 is collapse or perfection, and the spread of the
    embeddings says which.
    """

    Settings = Settings
    needs_head_norm = True
    recipe: ClassVar[Mapping[str, Any]] = {
        "model.head": "deep_norm_mlp",
        "model.hidden": hidden(1),
        "model.dimension": hidden(1),
        "model.batch_norm": "sync",
        "method.predictor": hidden(1 / 4),
        "optimizer.weight_decay": 5e-4,
    }
    against_collapse = "Lower optimizer.learning_rate, use the head deep_norm_mlp, or let the views vary more."

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.positive(experiment, "method.predictor")

    @classmethod
    def objective(cls, experiment: Experiment, space: Space, facts: Facts) -> Predicted:
        model = experiment.model
        norm = for_queries(model.batch_norm)
        width, dimension = experiment.method.predictor, model.dimension
        predictor = bottleneck(f"{space.name}_predictor", width, dimension, norm)
        return Predicted(space.name, dimension, predictor, lambda cosines: -tf.add_n(cosines) / len(cosines))
