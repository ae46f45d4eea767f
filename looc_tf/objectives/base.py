"""What an embedding space asks of the views of a picture."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import tensorflow as tf

from looc_tf.keras2 import keras
from looc_tf.representations import QUERY

Rows = Mapping[str, tf.Tensor]  # view -> [B, D]
Meets = Sequence[tuple[str, str]]  # (view that guesses, view whose rows it should find)


class Compared(NamedTuple):
    """What an objective found in a batch.

    Attributes:
        loss: `[B]`.
        nearness: `[B, 1 + S]`, of the query to its own key, then to each sibling, as the logits of a softmax; no
            gradient reaches the keys.
        remembered: a structure of `[B, ...]` for `commit`.
        measures: name -> `[B]`, to be logged.
    """

    loss: tf.Tensor
    nearness: tf.Tensor
    remembered: Any
    measures: Mapping[str, tf.Tensor]


class Objective(keras.layers.Layer):
    """The loss of one embedding space over pairs of views, with the layers and the memory that it needs.

    It computes in float32 whatever the precision policy.

    Attributes:
        raw: whether it takes the rows of the head as they are, before they are scaled to length 1.
        measures: names of what it logs beside its loss.
    """

    raw: ClassVar[bool] = False
    measures: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str):
        super().__init__(name=name, dtype="float32")

    def call(self, quick: Rows, slow: Rows, meets: Meets, siblings: Sequence[str], step: tf.Tensor) -> Compared:
        """Compare the views of this replica's pictures.

        Args:
            quick: rows of the encoder that is trained.
            slow: rows of what it is compared with: of its slow copy, or the same ones.
            meets: which view is to find which.
            siblings: views of the same picture that differ from the query in what this space shares.
            step: how many steps were taken before, int64.

        Returns:
            what was found, of the `B` pictures of this replica.
        """
        raise NotImplementedError

    def commit(self, remembered: Any) -> None:
        """Called once after each step with `Compared.remembered`, `[B, ...]`; by default nothing is remembered."""

    def chance(self) -> float | None:
        """The loss of guessing, that of identical embeddings; None where it says nothing."""
        return None

    def remark(self) -> str:
        """What a person should know of it before a training begins; "" for nothing."""
        return ""

    def held(self) -> list[tf.Variable]:
        """The trained variables that may be kept as they are for the first steps; no weight decay moves them."""
        return []

    def followers(self) -> list[tuple[tf.Variable, tf.Variable]]:
        """(slow, quick) variables, of which the slow one follows the other and is moved by no gradient."""
        return []


def seed_of(name: str, seed: int) -> int:
    """Of a space's first values: by name, so that adding a space leaves those of the others as they were."""
    return seed ^ zlib.crc32(name.encode()) & 0x7FFFFFFF


def own_and_siblings(meets: Meets, siblings: Sequence[str]) -> list[str]:
    """The views that the query is near to or not: its own key, then its siblings."""
    return [next(key for query, key in meets if query == QUERY), *siblings]
