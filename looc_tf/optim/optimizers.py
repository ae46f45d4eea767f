"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
from tensorflow import keras

from looc_tf import config
from looc_tf.optim.schedules import Schedule


@keras.saving.register_keras_serializable(package="looc_tf")
class CoupledSGD(keras.optimizers.SGD):
    """SGD whose weight decay is part of the gradient, on every parameter, as in PyTorch and so in MoCo's recipe.

    Keras's own `weight_decay` is decoupled from the gradient, so momentum would not see it.
    """

    def __init__(self, *args, coupled_decay: float = 0.0, **options):
        super().__init__(*args, **options)
        self.coupled_decay = coupled_decay

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        super().update_step(gradient + self.coupled_decay * variable, variable)

    def get_config(self) -> dict:
        return {**super().get_config(), "coupled_decay": self.coupled_decay}


@keras.saving.register_keras_serializable(package="looc_tf")
class LAMB(keras.optimizers.Adam):
    """Adam, each layer's step scaled to the size of its weights, for large batches (You et al. 2020, algorithm 2).

    tensorflow-addons has it for Keras's legacy optimizers only, whose state, learning rate and loss scaling are
    reached in other ways than those of every other optimizer here; the tests compare the two.

    Args:
        learning_rate: a number or a schedule.
        coupled_decay: weight decay, added to Adam's direction before it is scaled.
    """

    def __init__(self, *args, coupled_decay: float = 0.0, epsilon: float = 1e-6, **options):
        super().__init__(*args, epsilon=epsilon, **options)
        self.coupled_decay = coupled_decay

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        place = self._index_dict[self._var_key(variable)]
        first, second = self._momentums[place], self._velocities[place]
        first.assign_add((gradient - first) * (1 - self.beta_1))
        second.assign_add((tf.square(gradient) - second) * (1 - self.beta_2))
        step = tf.cast(self.iterations + 1, variable.dtype)
        adam = first / (1 - self.beta_1**step) / (tf.sqrt(second / (1 - self.beta_2**step)) + self.epsilon)
        direction = adam + self.coupled_decay * variable
        trust = tf.math.divide_no_nan(tf.norm(variable), tf.norm(direction))
        trust = tf.where(trust > 0, trust, 1.0)  # weights that start at zero could not leave it otherwise
        variable.assign_sub(tf.cast(self.learning_rate, variable.dtype) * trust * direction)

    def get_config(self) -> dict:
        return {**super().get_config(), "coupled_decay": self.coupled_decay}


def _sgd(settings: config.Optimizer, rate: Schedule) -> keras.optimizers.Optimizer:
    return CoupledSGD(rate, momentum=settings.momentum, coupled_decay=settings.weight_decay)


def _adamw(settings: config.Optimizer, rate: Schedule) -> keras.optimizers.Optimizer:
    return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)


def _lamb(settings: config.Optimizer, rate: Schedule) -> keras.optimizers.Optimizer:
    return LAMB(rate, coupled_decay=settings.weight_decay)


OPTIMIZERS: dict[str, Callable[[config.Optimizer, Schedule], keras.optimizers.Optimizer]] = {
    "sgd": _sgd,
    "adamw": _adamw,
    "lamb": _lamb,
}
