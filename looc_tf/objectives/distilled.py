"""Distillation from a slow copy without labels (DINO)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from looc_tf.keras2 import keras
from looc_tf.losses import cross_entropy
from looc_tf.memory import Center
from looc_tf.objectives.base import Compared, Meets, Objective, Rows, own_and_siblings, seed_of
from looc_tf.representations import QUERY


class Distilled(Objective):
    """The softmax of a slow copy, centred and sharpened, is to be found by the other views (Caron et al. 2021, DINO).

    With logits T of the slow copy and S of the other the loss is the mean over all pairs (v, i) that meet of
    `-sum softmax((T_i - center) / sharpness) log softmax(S_v / temperature)`. Gradient reaches S alone.

    The last layer is weight-normalised with a length of 1 that is not trained (`norm_last_layer` of the authors' code):
    the direction alone is a parameter, so its columns are scaled where they are used. tensorflow-addons' wrapper trains
    the length and sets it from the first batch; Keras has none.

    Args:
        name: of the space.
        dimension: of its rows.
        prototypes: how many outputs.
        temperature: of the copy that is trained.
        sharpness: steps taken before -> the temperature of the slow copy.
        momentum: of the center.
        seed: of the first prototypes, which hang on the name too.
    """

    measures = ("entropy", "accuracy")

    def __init__(
        self,
        name: str,
        *,
        dimension: int,
        prototypes: int,
        temperature: float,
        sharpness: Callable[[tf.Tensor], tf.Tensor],
        momentum: float,
        seed: int = 0,
    ):
        super().__init__(name)
        self.temperature, self.sharpness = temperature, sharpness
        drawn = tf.random.stateless_truncated_normal(
            [dimension, prototypes], seed=(seed_of(name, seed), 2), stddev=0.02
        ).numpy()
        first = {"initializer": keras.initializers.Constant(drawn), "shape": drawn.shape}
        self.prototypes = self.add_weight("prototypes", **first)
        self.slow_prototypes = self.add_weight("slow_prototypes", trainable=False, **first)
        self.center = Center(prototypes, momentum)

    def call(self, quick: Rows, slow: Rows, meets: Meets, siblings: Sequence[str], step: tf.Tensor) -> Compared:
        own, *others = own_and_siblings(meets, siblings)
        taught = {key: _scores(slow[key], self.slow_prototypes) for key in dict.fromkeys(key for _, key in meets)}
        soft = {key: self._soften(logits, step) for key, logits in taught.items()}
        guesses = {
            view: _scores(quick[view], self.prototypes) / self.temperature
            for view in dict.fromkeys(view for view, _ in meets)
        }
        loss = tf.add_n([cross_entropy(soft[key], guesses[view]) for view, key in meets]) / len(meets)
        aside = [self._soften(_scores(slow[each], self.slow_prototypes), step) for each in others]
        near = [-cross_entropy(each, guesses[QUERY]) for each in (soft[own], *aside)]
        right = tf.cast(tf.argmax(soft[own], axis=1) == tf.argmax(guesses[QUERY], axis=1), tf.float32)
        entropy = -tf.reduce_sum(tf.math.xlogy(soft[own], soft[own]), axis=1)
        remembered = tf.add_n(list(taught.values())) / len(taught)
        measures = {"accuracy": right, "entropy": entropy}
        return Compared(loss, tf.stack(near, axis=1), tf.stop_gradient(remembered), measures)

    def _soften(self, logits: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(tf.nn.softmax((logits - self.center.value.value()) / self.sharpness(step)))

    def commit(self, remembered: tf.Tensor) -> None:
        """The center takes the logits as they were, not centred."""
        self.center.commit(remembered)

    def chance(self) -> float:
        return math.log(self.prototypes.shape[1])

    def held(self) -> list[tf.Variable]:
        return [self.prototypes]

    def followers(self) -> list[tuple[tf.Variable, tf.Variable]]:
        return [(self.slow_prototypes, self.prototypes)]


def _scores(rows: tf.Tensor, prototypes: tf.Tensor) -> tf.Tensor:
    """`[B, D]`, `[D, K]` -> cosines `[B, K]`, rows being of length 1 already."""
    return tf.matmul(tf.cast(rows, tf.float32), tf.math.l2_normalize(prototypes, axis=0))
