"""The prediction of a key (BYOL, SimSiam)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from looc_tf.keras2 import keras
from looc_tf.losses import cosine
from looc_tf.objectives.base import Compared, Meets, Objective, Rows, own_and_siblings
from looc_tf.representations import QUERY

SHARPNESS = 0.2  # the temperature at which siblings are ranked


class Predicted(Objective):
    """A predictor on the head's rows is to point where the key's rows point (Grill et al. 2020; Chen and He 2021).

    No gradient reaches the key, which is the slow copy's row or, without one, the encoder's own.
    Rows are not scaled to length 1 before the predictor: the cosine does it.

    Args:
        name: of the space.
        dimension: of its rows.
        predictor: of rows `[B, D]`.
        loss: cosines `[B]` of all pairs that meet -> `[B]`.
    """

    raw = True

    def __init__(
        self, name: str, dimension: int, predictor: keras.Sequential, loss: Callable[[list[tf.Tensor]], tf.Tensor]
    ):
        super().__init__(name)
        self.predictor, self.loss = predictor, loss
        self.predictor.build([None, dimension])

    def call(self, quick: Rows, slow: Rows, meets: Meets, siblings: Sequence[str], step: tf.Tensor) -> Compared:
        guesses = {
            view: self.predictor(quick[view], training=True) for view in dict.fromkeys(view for view, _ in meets)
        }

        def close(view: str, key: str) -> tf.Tensor:
            return cosine(guesses[view], tf.stop_gradient(slow[key]))

        loss = self.loss([close(view, key) for view, key in meets])
        near = [close(QUERY, key) for key in own_and_siblings(meets, siblings)]
        return Compared(loss, tf.stack(near, axis=1) / SHARPNESS, (), {})
