"""SwAV: swapped prediction of cluster codes (Caron et al., NeurIPS 2020, arXiv 2006.09882)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.losses import TEMPERATURES
from looc_tf.methods.facts import Facts
from looc_tf.methods.pairs import Pairs, PairSettings
from looc_tf.methods.recipes import hidden
from looc_tf.objectives import Clustered
from looc_tf.views import Space


@dataclass(frozen=True)
class Settings(PairSettings):
    """Of the prototypes and their codes; `queue` counts the rows of earlier batches that Sinkhorn sees too."""

    name: str = "swav"
    prototypes: int = 512  # of each space; no more than the batch and the queue can serve
    temperature: float = 0.1
    epsilon: float = 0.05  # of Sinkhorn's entropy
    queue: int = 0
    queue_epochs: float = 15  # without the queue, at first
    frozen_epochs: float = 0  # in which prototypes are kept as they are, at first
    local_views: int = 0

    def in_epochs(self) -> dict[str, float]:
        return {name: epochs for name, epochs in super().in_epochs().items() if self.queue or name != "queue_epochs"}


class SwAV(Pairs):
    """The code of each large view among the prototypes, spread evenly over the batch, is to be found by all others.

    Prototypes are columns of length 1, scaled anew after each step. Sinkhorn runs once over the global batch. In a
    space that shares something the picture's other keys stand in Sinkhorn's matrix and in no loss.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="swav")
        >>> method = looc_tf.build_method(experiment)
        >>> method.settings.prototypes, round(method.chance()["color"], 2)  # the loss of guessing
        (512, 6.24)
    """

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = {
        "model.head": "hidden_norm_mlp",
        "model.hidden": hidden(1),
        "model.batch_norm": "sync",
        "optimizer.name": "adam",
        "optimizer.learning_rate": 1e-3,
        "optimizer.weight_decay": 1e-6,
    }
    needs_whole_batch = together = heads_at_once = True
    against_collapse = "Lower method.epsilon or optimizer.learning_rate, or raise method.frozen_epochs."

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.between(experiment, *TEMPERATURES, "method.temperature")
        config.between(experiment, 1e-3, 10, "method.epsilon")
        config.between(experiment, 2, 2**20, "method.prototypes")
        config.between(experiment, 0, 2**20, "method.queue", "method.queue_epochs", "method.frozen_epochs")

    @classmethod
    def objective(cls, experiment: Experiment, space: Space, facts: Facts) -> Clustered:
        settings = experiment.method
        return Clustered(
            space.name,
            dimension=experiment.model.dimension,
            prototypes=settings.prototypes,
            temperature=settings.temperature,
            epsilon=settings.epsilon,
            queue=settings.queue,
            queue_from=round(settings.queue_epochs * facts.epoch),
            batch=experiment.training.batch,
            seed=experiment.seed,
        )
