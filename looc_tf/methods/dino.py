"""DINO: distillation from a slow copy without labels (Caron et al., ICCV 2021, arXiv 2104.14294)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.losses import TEMPERATURES
from looc_tf.methods.facts import Facts
from looc_tf.methods.pairs import Pairs, SlowSettings
from looc_tf.methods.recipes import hidden, warmup
from looc_tf.objectives import Distilled
from looc_tf.views import Space


@dataclass(frozen=True)
class Settings(SlowSettings):
    """Of the outputs, and of what keeps them from collapse: centering, sharpening, a slow start."""

    name: str = "dino"
    prototypes: int = 2048  # outputs of each space
    temperature: float = 0.1
    teacher_temperatures: tuple[float, float] = (0.04, 0.04)  # in the first epoch, and in the last of `teacher_epochs`
    teacher_epochs: float = 0
    center: float = 0.9  # momentum of the center
    frozen_epochs: float = 1  # in which the last layer is kept as it is, at first
    clip: float = 3.0  # the longest gradient of a variable; 0 for no bound
    local_views: int = 0


class DINO(Pairs):
    """What a slow copy says of each large view, centred and sharpened, is to be found by all other views.

    The slow copy, its last layer included, is what is evaluated and exported. The center takes its outputs as they
    were, after the loss, over both large views and all replicas.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="dino")
        >>> method = looc_tf.build_method(experiment, looc_tf.Facts(pictures=12800, steps=500, epoch=100))
        >>> method.final is method.slow
        True
    """

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = {
        "model.head": "gelu_norm_mlp",
        "model.hidden": hidden(1),
        "model.dimension": 256,
        "model.batch_norm": "sync",
        "optimizer.weight_decay": 5e-4,
        "optimizer.warmup_steps": warmup,
    }
    has_slow_copy = final_is_slow = together = heads_at_once = True
    against_collapse = "Lower method.teacher_temperatures or optimizer.learning_rate, or raise method.frozen_epochs."

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.between(experiment, *TEMPERATURES, "method.temperature", "method.teacher_temperatures")
        config.between(experiment, 2, 2**20, "method.prototypes")
        config.fraction(experiment, "method.center")
        config.between(experiment, 0, 2**20, "method.teacher_epochs", "method.frozen_epochs", "method.clip")

    @classmethod
    def objective(cls, experiment: Experiment, space: Space, facts: Facts) -> Distilled:
        settings = experiment.method
        (first, last), epochs = settings.teacher_temperatures, settings.teacher_epochs

        def sharpness(step: tf.Tensor) -> tf.Tensor:
            """From epoch to epoch; the last of `teacher_epochs` has the last temperature, as in the authors' code."""
            epoch = tf.cast(step // max(1, facts.epoch), tf.float32)
            return first + (last - first) * (tf.minimum(1.0, epoch / max(1.0, epochs - 1)) if epochs else 1.0)

        return Distilled(
            space.name,
            dimension=experiment.model.dimension,
            prototypes=settings.prototypes,
            temperature=settings.temperature,
            sharpness=sharpness,
            momentum=settings.center,
            seed=experiment.seed,
        )
