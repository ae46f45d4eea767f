"""BYOL: prediction of a slow copy, without negatives (Grill et al., NeurIPS 2020, arXiv 2006.07733)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf.methods.pairs import SlowSettings
from looc_tf.methods.predicting import Predicting
from looc_tf.methods.recipes import hidden, warmup
from looc_tf.models import HEADS


@dataclass(frozen=True)
class Settings(SlowSettings):
    """Momentum of the target, the width of the predictor, and whether both views are predicted."""

    name: str = "byol"
    predictor: int = 1024  # width of its hidden layer
    symmetric: bool = True


class BYOL(Predicting):
    """A predictor behind the head is to point where a slow copy's head points for the other view.

    The loss is the sum of `2 - 2 cos` over both directions (section 3.1). Head and predictor are alike, and rows are
    not scaled to length 1 before the predictor. The copy's BatchNorm takes the statistics of its own batches, and its
    parameters alone follow. A loss of 0 is collapse, not success.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="byol")
        >>> method = looc_tf.build_method(experiment)
        >>> [network.name for network in method.slow_copies()]
        ['slow_encoder']
    """

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = {
        "model.head": "hidden_norm_mlp",
        "model.hidden": hidden(2),
        "model.dimension": 256,
        "model.batch_norm": "sync",
        "method.predictor": hidden(2),
        "optimizer.weight_decay": 5e-4,
        "optimizer.warmup_steps": warmup,
    }
    has_slow_copy = True
    predictor = staticmethod(HEADS["hidden_norm_mlp"])
    against_collapse = "Give head and predictor BatchNorm, lower optimizer.learning_rate, or raise method.momentum."

    @staticmethod
    def loss_of(cosines: list[tf.Tensor]) -> tf.Tensor:
        return tf.add_n([2 - 2 * each for each in cosines])
