"""Alignment alone, for methods whose guard against collapse stands beside the spaces."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from looc_tf.losses import cosine
from looc_tf.objectives.base import Compared, Meets, Objective, Rows, own_and_siblings
from looc_tf.representations import QUERY


class Aligned(Objective):
    """`-cos / temperature` of the query and its own key, with gradient through both (Eastwood et al. 2023).

    Nothing in it keeps embeddings from becoming one point.

    Args:
        name: of the space.
        temperature: divides the similarity.
    """

    def __init__(self, name: str, temperature: float):
        super().__init__(name)
        self.temperature = temperature

    def call(self, quick: Rows, slow: Rows, meets: Meets, siblings: Sequence[str], step: tf.Tensor) -> Compared:
        own, *others = own_and_siblings(meets, siblings)
        loss = -cosine(quick[QUERY], quick[own]) / self.temperature
        near = [cosine(quick[QUERY], tf.stop_gradient(quick[each])) for each in (own, *others)]
        return Compared(loss, tf.stack(near, axis=1) / self.temperature, (), {})
