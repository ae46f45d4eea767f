"""The contrast within the batch (SimCLR), with the siblings of leave-one-out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from looc_tf.distribute import gather, own_rows
from looc_tf.losses import cosine, in_batch, info_nce
from looc_tf.objectives.base import Compared, Meets, Objective, Rows, own_and_siblings
from looc_tf.representations import QUERY


class InBatch(Objective):
    """NT-Xent over pairs of views (Chen et al. 2020, eq. 1), its mean over all pairs that meet.

    An anchor's siblings stand beside both views of the other pictures of the global batch in the denominator.

    Args:
        name: of the space.
        temperature: of the softmax.
        batch: pictures of the global batch.
        siblings: how many siblings there are.
    """

    measures = ("accuracy",)

    def __init__(self, name: str, temperature: float, batch: int, siblings: int = 0):
        super().__init__(name)
        self.temperature, self.batch, self.siblings = temperature, batch, siblings

    def call(self, quick: Rows, slow: Rows, meets: Meets, siblings: Sequence[str], step: tf.Tensor) -> Compared:
        everywhere = {view: gather(quick[view]) for view in dict.fromkeys(view for pair in meets for view in pair)}
        own = own_rows(tf.eye(tf.shape(everywhere[QUERY])[0]), quick[QUERY]) > 0

        def logits(one: str, two: str) -> tf.Tensor:
            found = in_batch(quick[one], quick[two], everywhere[one], everywhere[two], own, self.temperature)
            near = [tf.reduce_sum(quick[one] * quick[each], axis=1, keepdims=True) for each in siblings]
            return tf.concat([found, *(each / self.temperature for each in near)], axis=1) if near else found

        pairs = {pair: logits(*pair) for pair in meets}
        loss = tf.add_n([info_nce(each) for each in pairs.values()]) / len(pairs)
        others = own_and_siblings(meets, siblings)
        near = [cosine(quick[QUERY], tf.stop_gradient(quick[each])) for each in others]
        nearness = tf.stack(near, axis=1) / self.temperature
        right = tf.cast(tf.argmax(pairs[QUERY, others[0]], axis=1) == 0, tf.float32)
        return Compared(loss, nearness, (), {"accuracy": right})

    def chance(self) -> float:
        return math.log(2 * self.batch - 1 + self.siblings)
