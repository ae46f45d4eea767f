"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from looc_tf import config
from looc_tf.keras2 import keras
from looc_tf.optim.schedules import Schedule


class _Coupled(keras.optimizers.Optimizer):
    """An optimizer whose weight decay is part of the gradient, on every parameter.

    Keras's own `weight_decay` is decoupled from the gradient, so momentum would not see it.

    Args:
        coupled_decay: how much of each parameter is added to its gradient.
    """

    def __init__(self, *args, coupled_decay: float = 0.0, **options):
        super().__init__(*args, **options)
        self.coupled_decay = coupled_decay

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        super().update_step(_with_decay(self, gradient, variable), variable)

    def get_config(self) -> dict:
        return {**super().get_config(), "coupled_decay": self.coupled_decay}


@keras.saving.register_keras_serializable(package="looc_tf")
class CoupledSGD(_Coupled, keras.optimizers.SGD):
    """SGD whose weight decay is part of the gradient, as in PyTorch and so in MoCo's recipe."""


@keras.saving.register_keras_serializable(package="looc_tf")
class CoupledAdam(_Coupled, keras.optimizers.Adam):
    """Adam whose weight decay is part of the gradient, as `torch.optim.Adam` has it."""


@keras.saving.register_keras_serializable(package="looc_tf")
class LARS(CoupledSGD):
    """SGD, each layer's step scaled to the size of its weights (You et al. 2017), in the form of SimCLR's authors.

    With weight decay `d` and `g' = g + d w` the step is that of SGD on `eta ||w|| / ||g'|| g'`; the rate is inside of
    the momentum. Vectors, biases and BatchNorm's parameters, are moved as by SGD, without decay. (The LARC of apex,
    which SwAV's authors use, takes `||g|| + d ||w||` below the line and the rate outside of the momentum.)

    Args:
        learning_rate: a number or a schedule.
        momentum: of the steps.
        coupled_decay: weight decay `d`.

    Attributes:
        ETA: how long a step may be beside the weights that it moves, at a rate of 1.
    """

    ETA = 0.001

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        if variable.shape.rank <= 1:
            return keras.optimizers.SGD.update_step(self, gradient, variable)
        whole = _with_decay(self, gradient, variable)
        length, slope = tf.norm(variable), tf.norm(whole)
        trust = tf.where((length > 0) & (slope > 0), self.ETA * tf.math.divide_no_nan(length, slope), 1.0)
        return keras.optimizers.SGD.update_step(self, trust * whole, variable)


def _with_decay(optimizer: keras.optimizers.Optimizer, gradient: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
    """The gradient with that of the weight decay, unless `exclude_from_weight_decay` has named the variable."""
    return gradient + optimizer.coupled_decay * variable if optimizer._use_weight_decay(variable) else gradient


@keras.saving.register_keras_serializable(package="looc_tf")
class LAMB(_Coupled, keras.optimizers.Adam):
    """Adam, each layer's step scaled to the size of its weights, for large batches (You et al. 2020, algorithm 2).

    tensorflow-addons has it for Keras's legacy optimizers only, whose state, learning rate and loss scaling are
    reached in other ways than those of every other optimizer here; the tests compare the two.

    Args:
        learning_rate: a number or a schedule.
        coupled_decay: weight decay, added to Adam's direction before it is scaled.
    """

    def __init__(self, *args, epsilon: float = 1e-6, **options):
        super().__init__(*args, epsilon=epsilon, **options)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        place = self._index_dict[self._var_key(variable)]
        first, second = self._momentums[place], self._velocities[place]
        first.assign_add((gradient - first) * (1 - self.beta_1))
        second.assign_add((tf.square(gradient) - second) * (1 - self.beta_2))
        step = tf.cast(self.iterations + 1, variable.dtype)
        adam = first / (1 - self.beta_1**step) / (tf.sqrt(second / (1 - self.beta_2**step)) + self.epsilon)
        direction = _with_decay(self, adam, variable)
        trust = tf.math.divide_no_nan(tf.norm(variable), tf.norm(direction))
        trust = tf.where(trust > 0, trust, 1.0)  # weights that start at zero could not leave it otherwise
        variable.assign_sub(tf.cast(self.learning_rate, variable.dtype) * trust * direction)


def _sgd(settings: config.Optimizer, rate: Schedule) -> keras.optimizers.Optimizer:
    return CoupledSGD(rate, momentum=settings.momentum, coupled_decay=settings.weight_decay)


def _adam(settings: config.Optimizer, rate: Schedule) -> keras.optimizers.Optimizer:
    return CoupledAdam(rate, coupled_decay=settings.weight_decay)


def _lars(settings: config.Optimizer, rate: Schedule) -> keras.optimizers.Optimizer:
    return LARS(rate, momentum=settings.momentum, coupled_decay=settings.weight_decay)


def _adamw(settings: config.Optimizer, rate: Schedule) -> keras.optimizers.Optimizer:
    return keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)


def _lamb(settings: config.Optimizer, rate: Schedule) -> keras.optimizers.Optimizer:
    return LAMB(rate, coupled_decay=settings.weight_decay)


OPTIMIZERS: dict[str, Callable[[config.Optimizer, Schedule], keras.optimizers.Optimizer]] = {
    "sgd": _sgd,
    "adam": _adam,
    "lars": _lars,
    "adamw": _adamw,
    "lamb": _lamb,
}
