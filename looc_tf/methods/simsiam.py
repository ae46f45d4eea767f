"""SimSiam: prediction of the other view by one network alone (Chen and He, CVPR 2021, arXiv 2011.10566)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf.methods.pairs import PairSettings
from looc_tf.methods.predicting import Predicting
from looc_tf.methods.recipes import hidden
from looc_tf.models import bottleneck


@dataclass(frozen=True)
class Settings(PairSettings):
    """The width of the predictor, and whether both views are predicted."""

    name: str = "simsiam"
    predictor: int = 512  # width of its hidden layer, a quarter of `model.dimension` in the paper
    symmetric: bool = True


class SimSiam(Predicting):
    """A predictor behind the head is to point where the head points for the other view; no gradient reaches that one.

    The loss is the mean of `-cos` over both directions (eq. 2): -1 is collapse or perfection, and the spread of the
    embeddings says which.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="simsiam")
        >>> method = looc_tf.build_method(experiment)
        >>> method.settings.predictor, experiment.model.head, method.slow_copies()
        (128, 'deep_norm_mlp', [])
    """

    Settings = Settings
    predictor = staticmethod(bottleneck)
    recipe: ClassVar[Mapping[str, Any]] = {
        "model.head": "deep_norm_mlp",
        "model.hidden": hidden(1),
        "model.dimension": hidden(1),
        "model.batch_norm": "sync",
        "method.predictor": hidden(1 / 4),
        "optimizer.weight_decay": 5e-4,
    }
    against_collapse = "Lower optimizer.learning_rate, use the head deep_norm_mlp, or let the views vary more."

    @staticmethod
    def loss_of(cosines: list[tf.Tensor]) -> tf.Tensor:
        return -tf.add_n(cosines) / len(cosines)
