"""How weights are moved: optimizers and schedules by name.

>>> from looc_tf import config, optim
>>> schedule = optim.Schedule(config.Optimizer(learning_rate=0.1, schedule="constant"), steps=10)
>>> f"{schedule(5):.3f}"
'0.100'
"""

from __future__ import annotations

import dataclasses

from looc_tf import config
from looc_tf.errors import UserError, unknown
from looc_tf.keras2 import keras
from looc_tf.optim.optimizers import LAMB, OPTIMIZERS, CoupledSGD
from looc_tf.optim.schedules import SCHEDULES, Schedule

__all__ = ["LAMB", "OPTIMIZERS", "SCHEDULES", "CoupledSGD", "Schedule", "build", "check"]


def check(settings: config.Optimizer) -> None:
    """Raises a `UserError` with the nearest name where there is no such optimizer or schedule."""
    if settings.name not in OPTIMIZERS:
        raise unknown("optimizer.name", settings.name, OPTIMIZERS)
    if settings.schedule not in SCHEDULES:
        raise unknown("optimizer.schedule", settings.schedule, SCHEDULES)


def remark(settings: config.Optimizer, steps: int) -> str:
    """What a person should know of such a rate before a training of so many steps; "" for nothing."""
    if not 0 < steps <= settings.warmup_steps:
        return ""
    return (
        f"optimizer.warmup_steps of {settings.warmup_steps:,} are no less than the {steps:,} steps of the training: "
        "the rate never reaches optimizer.learning_rate. Lower it, or train for longer."
    )


def build(settings: config.Optimizer, steps: int, batch: int | None = None) -> keras.optimizers.Optimizer:
    """The optimizer of a training.

    Args:
        settings: with `reference_batch` the learning rate grows in proportion with the batch (Goyal et al. 2017).
        steps: of the whole training.
        batch: the global batch.

    Example:
        >>> optimizer = build(config.Optimizer(learning_rate=0.1, schedule="cosine"), steps=100)
        >>> round(float(optimizer.learning_rate), 3)  # of the first step
        0.1
    """
    check(settings)
    if settings.reference_batch:
        if batch is None:
            raise UserError("optimizer.reference_batch scales the learning rate with the batch. Received no batch.")
        settings = dataclasses.replace(
            settings, learning_rate=settings.learning_rate * batch / settings.reference_batch
        )
    return OPTIMIZERS[settings.name](settings, Schedule(settings, steps))
