"""Methods that contrast a vector of a picture with the places of its feature maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.distribute import gather, own_rows
from looc_tf.errors import unknown
from looc_tf.keras2 import keras
from looc_tf.losses import local_info_nce, local_jsd
from looc_tf.methods.base import Batch, Method
from looc_tf.methods.checks import check_resnet, check_several
from looc_tf.methods.recipes import ADAM
from looc_tf.models import Encoder

OBJECTIVES = {"info_nce": local_info_nce, "jsd": local_jsd}
layers = keras.layers


@dataclass(frozen=True)
class Settings(config.Method):
    """Of the networks behind the maps, and of the contrast."""

    objective: str = "info_nce"
    hidden: int = 512
    places: int = 64  # of each map at most, evenly spread


def residual_head(name: str, inputs: int, hidden: int, dimension: int, normalized: bool = False) -> keras.Model:
    """Features, or a map of them, on their last axis: two layers with a ReLU between, beside a linear layer that begins
    as the identity (Hjelm et al. 2019, section A.2).

    Args:
        name: of the network.
        inputs, hidden, dimension: widths.
        normalized: whether LayerNorm comes last.
    """
    given = keras.Input([None, None, inputs])
    small = keras.initializers.RandomUniform(-0.01, 0.01)
    shortcut = layers.Dense(dimension, kernel_initializer=small, name="shortcut")
    straight = shortcut(given)
    shortcut.kernel.assign_add(tf.eye(inputs, dimension))
    bent = layers.Dense(dimension, name="out")(layers.Dense(hidden, activation="relu", name="hidden")(given))
    out = layers.Add(dtype="float32", name="sum")([straight, bent])
    out = layers.LayerNormalization(dtype="float32", name="norm")(out) if normalized else out
    return keras.Model(given, out, name=name)


def spread(map_: tf.Tensor, most: int) -> tf.Tensor:
    """At most so many places of a map `[B, s, s, C]`, each some rows and columns from the next, `[B, n, n, C]`.

    >>> spread(tf.reshape(tf.range(36), [1, 6, 6, 1]), most=8)[0, :, :, 0].numpy()
    array([[ 7, 10],
           [25, 28]], dtype=int32)
    """
    side = map_.shape[1]
    step = math.ceil(side / math.isqrt(most))
    first = (side - 1) % step // 2
    return map_[:, first::step, first::step]


def in_a_row(map_: tf.Tensor) -> tf.Tensor:
    """`[B, h, w, D]` -> `[B, h w, D]`."""
    return tf.reshape(map_, [-1, map_.shape[1] * map_.shape[2], map_.shape[3]])


class Local(Method):
    """A method of pairs of a vector and places, `pairs`, each contrasted with the places of all other pictures.

    Args:
        encoder: a ResNet, without heads.
        kind: one of `OBJECTIVES`.

    Attributes:
        directions: how often each kind of pair comes, of which the mean is taken; the kinds add up.
    """

    recipe: ClassVar[Mapping[str, Any]] = ADAM
    directions: ClassVar[int] = 1
    needs_whole_batch: ClassVar[bool] = True

    def __init__(self, encoder: Encoder, kind: str, **options):
        super().__init__(encoder, **options)
        self.contrast = OBJECTIVES[kind]
        self.meter("loss", "accuracy")

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        config.positive(experiment, "method.hidden", "method.places")
        check_several(experiment)
        if experiment.method.objective not in OBJECTIVES:
            raise unknown("method.objective", experiment.method.objective, OBJECTIVES)
        check_resnet(experiment, "feature maps of stages")

    def pairs(self, batch: Batch) -> Sequence[tuple[tf.Tensor, tf.Tensor]]:
        """A vector of each picture, `[B, D]`, and places, `[B, L, D]`, in float32."""
        raise NotImplementedError(f"{type(self).__name__} must say what it contrasts.")

    def bounded(self, scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores `[B, G, L]` as they are contrasted, and what their size costs, `[B]`: by default nothing."""
        return scores, tf.zeros_like(scores[:, 0, 0])

    def compare(self, batch: Batch, targets: Any) -> tuple[dict[str, tf.Tensor], tuple[()]]:
        losses = []
        for sources, found in self.pairs(batch):
            everywhere = gather(found)
            own = own_rows(tf.eye(tf.shape(everywhere)[0]), sources) > 0
            scores, cost = self.bounded(tf.einsum("bd,gld->bgl", sources, everywhere))
            losses.append(self.contrast(scores, own) + cost)
            nearest = tf.reduce_mean(scores, axis=2)  # of the pictures, by the mean over their places
            right = tf.reduce_max(tf.where(own, nearest, -float("inf")), axis=1) >= tf.reduce_max(nearest, axis=1)
            self.record("accuracy", tf.cast(right, tf.float32))
        return {"local": tf.add_n(losses) / self.directions}, ()
