"""Swapped prediction of cluster codes (SwAV)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from looc_tf.distribute import gather, own_rows
from looc_tf.keras2 import keras
from looc_tf.losses import cross_entropy, sinkhorn
from looc_tf.memory import Fifo
from looc_tf.objectives.base import Compared, Meets, Objective, Rows, own_and_siblings, seed_of
from looc_tf.representations import QUERY

MOST = 8  # prototypes for each row that is spread over them; recipes for small batches have 4


def unit_columns(kernel: tf.Tensor) -> tf.Tensor:
    """Columns scaled to length 1; those that are stay as they are, to the bit."""
    length = tf.norm(kernel, axis=0, keepdims=True)
    return tf.where(tf.abs(length - 1) < 1e-6, kernel, kernel / length)


class Clustered(Objective):
    """The code that one large view has among the prototypes is to be found by all others (SwAV, Caron et al. 2020).

    With unit rows z, unit prototypes C and codes q the loss is `-sum q_i log softmax(z_v C / temperature)`, its mean
    over the views v that find view i, then over the coded views i. Gradient reaches rows and prototypes, and no code.

    Codes are Sinkhorn's, over the global batch, after the rows of earlier batches where there is a queue; the siblings
    of leave-one-out stand in the same matrix, so that its even spread drives them to other prototypes.

    Args:
        name: of the space.
        dimension: of its rows.
        prototypes: how many.
        temperature: of the softmax of the scores.
        epsilon: of Sinkhorn's entropy.
        queue: rows of earlier batches, for each view that is coded; 0 for none.
        queue_from: the step from which on the queue is used; it must be full besides.
        batch: pictures of the global batch.
        seed: of the first prototypes, which hang on the name too.
    """

    measures = ("accuracy",)

    def __init__(
        self,
        name: str,
        *,
        dimension: int,
        prototypes: int,
        temperature: float,
        epsilon: float,
        queue: int = 0,
        queue_from: int = 0,
        batch: int = 0,
        seed: int = 0,
    ):
        super().__init__(name)
        self.batch = batch
        self.temperature, self.epsilon, self.rows, self.queue_from = temperature, epsilon, queue, queue_from
        seed = seed_of(name, seed)
        drawn = tf.random.stateless_normal([dimension, prototypes], seed=(seed, 1))
        self.prototypes = self.add_weight(
            "prototypes",
            [dimension, prototypes],
            initializer=keras.initializers.Constant(tf.math.l2_normalize(drawn, axis=0).numpy()),
            constraint=unit_columns,
        )
        coded = (QUERY, name) if queue else ()
        self.queues = {view: Fifo(f"{view}_queue", rows=queue, dimension=dimension, seed=seed) for view in coded}

    def call(self, quick: Rows, slow: Rows, meets: Meets, siblings: Sequence[str], step: tf.Tensor) -> Compared:
        scores = {view: tf.matmul(tf.cast(rows, tf.float32), self.prototypes) for view, rows in quick.items()}
        coded = dict.fromkeys(key for _, key in meets)
        codes = {key: tf.stop_gradient(self._codes(key, scores, siblings, step)) for key in coded}

        def loss(key: str) -> tf.Tensor:
            finders = [view for view, other in meets if other == key]
            return tf.add_n([self._apart(codes[key], scores[view]) for view in finders]) / len(finders)

        own, *others = own_and_siblings(meets, siblings)
        siblings_codes = [tf.stop_gradient(self._codes(each, scores, [], step)) for each in others]
        near = [-self._apart(each, scores[QUERY]) for each in (codes[own], *siblings_codes)]
        right = tf.cast(tf.argmax(codes[own], axis=1) == tf.argmax(scores[QUERY], axis=1), tf.float32)
        remembered = {view: tf.stop_gradient(quick[view]) for view in self.queues}
        total = tf.add_n([loss(key) for key in coded]) / len(coded)
        return Compared(total, tf.stack(near, axis=1), remembered, {"accuracy": right})

    def _apart(self, codes: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        return cross_entropy(codes, scores / self.temperature)

    def _codes(self, view: str, scores: Rows, siblings: Sequence[str], step: tf.Tensor) -> tf.Tensor:
        """`[B, K]`: Sinkhorn once over all replicas, of which this one takes its own rows."""
        batch = gather(scores[view])
        after = [gather(scores[each]) for each in siblings]

        def of(before: list[tf.Tensor]) -> tf.Tensor:
            first = tf.shape(before[0])[0] if before else 0
            return sinkhorn(tf.concat([*before, batch, *after], axis=0), self.epsilon)[
                first : first + tf.shape(batch)[0]
            ]

        if view not in self.queues:
            return own_rows(of([]), scores[view])
        queue = self.queues[view]
        full = (queue.entered.value() >= self.rows) & (step >= self.queue_from)
        earlier = tf.matmul(queue.queue.value(), self.prototypes)
        return own_rows(tf.cond(full, lambda: of([earlier]), lambda: of([])), scores[view])

    def commit(self, remembered: dict[str, tf.Tensor]) -> None:
        for view, rows in remembered.items():
            self.queues[view].commit(gather(rows))

    def chance(self) -> float:
        return math.log(self.prototypes.shape[1])

    def remark(self) -> str:
        count, rows = self.prototypes.shape[1], self.batch + self.rows
        if not self.batch or count <= MOST * rows:
            return ""
        return (
            f"Space {self.name!r} has {count:,} prototypes, and Sinkhorn spreads {rows:,} rows over them: most get "
            f"nearly none. Use at most {MOST * rows:,} (method.prototypes), a larger batch, or method.queue."
        )

    def held(self) -> list[tf.Variable]:
        return [self.prototypes]
