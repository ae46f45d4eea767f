"""Pair methods with an auxiliary task, of a network behind the trunk, beside the losses of their spaces."""

from __future__ import annotations

from typing import Any

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.keras2 import keras
from looc_tf.methods.pairs import Pairs

layers = keras.layers


class Auxiliary(Pairs):
    """A pair method whose settings have the `hidden` width of such a network and the `weight` of its loss.

    A subclass makes the network with `predictor_of` and gives its loss in `beside`.
    """

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.positive(experiment, "method.hidden")
        config.between(experiment, 0, 1000, "method.weight")


def predictor_of(
    name: str, inputs: int, hidden: int, outputs: int, normalized: bool = False, **last: Any
) -> keras.Sequential:
    """`[B, inputs]` -> `[B, outputs]`: two hidden layers with ReLU, and one of outputs.

    Args:
        name: of the network.
        inputs, hidden, outputs: widths.
        normalized: whether LayerNorm stands before each ReLU.
        last: options of the last layer.
    """
    stack = []
    for number in range(2):
        stack += [
            layers.Dense(hidden, name=f"hidden{number}"),
            *([layers.LayerNormalization(name=f"norm{number}")] if normalized else []),
            layers.ReLU(name=f"relu{number}"),
        ]
    network = keras.Sequential([*stack, layers.Dense(outputs, name="out", **last)], name=name)
    network.build([None, inputs])
    return network
