"""Learning rates as pure functions of a training's progress, by name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from looc_tf import config
from looc_tf.keras2 import keras

Rate = Callable[[tf.Tensor], tf.Tensor]  # progress, float32 in [0, 1] -> learning rate, float32


def step(settings: config.Optimizer, steps: int) -> Rate:
    """The peak, multiplied by `decay` at each milestone (the LooC paper's schedule)."""
    milestones = settings.milestones
    rates = tf.constant([settings.learning_rate * settings.decay**i for i in range(len(milestones) + 1)], tf.float32)
    # Half a step before the first step of the lower rate, so that no rounding of the progress moves it.
    bounds = [(round(share * steps) - 0.5) / max(1, steps) for share in milestones]

    def rate(progress: tf.Tensor) -> tf.Tensor:
        return rates[tf.reduce_sum(tf.cast(progress > bounds, tf.int32))] if bounds else rates[0]

    return rate


def cosine(settings: config.Optimizer, steps: int) -> Rate:
    """Half a cosine from the peak to zero (Loshchilov and Hutter 2017)."""
    return lambda progress: settings.learning_rate * (0.5 * (1.0 + tf.cos(tf.constant(math.pi) * progress)))


def constant(settings: config.Optimizer, steps: int) -> Rate:
    """The peak throughout."""
    return lambda progress: tf.constant(settings.learning_rate, tf.float32)


SCHEDULES: dict[str, Callable[[config.Optimizer, int], Rate]] = {"step": step, "cosine": cosine, "constant": constant}


@keras.saving.register_keras_serializable(package="looc_tf")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of a training, for Keras: after a straight rise over `warmup_steps` the named schedule.

    Args:
        settings: of the optimizer; the rise runs on the clock of the schedule, which it does not put off.
        steps: of the whole training.

    Example:
        >>> schedule = Schedule(config.Optimizer(learning_rate=1.0, schedule="cosine"), steps=100)
        >>> [round(float(schedule(step)), 3) for step in (0, 50, 100)]
        [1.0, 0.5, 0.0]
    """

    def __init__(self, settings: config.Optimizer, steps: int):
        self.settings, self.steps = settings, steps
        self.rate = SCHEDULES[settings.schedule](settings, steps)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        whole = float(max(1, self.steps))
        rate = self.rate(tf.minimum(step, whole) / whole)
        warmup = self.settings.warmup_steps
        return tf.minimum(1.0, (step + 1.0) / warmup) * rate if warmup else rate

    @property
    def last_step(self) -> int | None:
        """The step from which on the rate stays as it is; None where it never changes."""
        return None if self.settings.schedule == "constant" else self.steps

    def get_config(self) -> dict[str, Any]:
        return {"settings": dataclasses.asdict(self.settings), "steps": self.steps}

    @classmethod
    def from_config(cls, content: dict[str, Any]) -> Schedule:
        settings = {**content["settings"], "milestones": tuple(content["settings"]["milestones"])}  # JSON has no tuples
        return cls(config.Optimizer(**settings), content["steps"])
