"""LooC: leave-one-out contrastive learning (Xiao, Wang, Efros, Darrell, ICLR 2021, arXiv 2008.05659)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from looc_tf.distribute import gather, own_rows
from looc_tf.methods.base import Batch, Method, in_turn, joined
from looc_tf.models import Encoder, follow, start_from
from looc_tf.spaces import EmbeddingSpace
from looc_tf.views import sibling_negatives

Keys = dict[str, dict[str, tf.Tensor]]  # space that reads -> key -> [B, D], row for row with the queries


class LooC(Method):
    """One contrast per embedding space over one encoder; with one space that shares nothing it is MoCo.

    A batch holds the view `query`, one view per space under the space's name, and `order` `[B]`: row r of each key view
    belongs to the query in row `order[r]` of the global batch, so that keys meet BatchNorm in other company than
    queries.

    Args:
        encoder: of the queries.
        key_encoder: built from the same config; becomes a copy of `encoder` and follows it.
        spaces: of one name each.
        momentum: of the key encoder's moving average.
    """

    def __init__(
        self,
        encoder: Encoder,
        key_encoder: Encoder,
        spaces: Sequence[EmbeddingSpace],
        momentum: float = 0.999,
        **options,
    ):
        super().__init__(encoder, **options)
        self.key_encoder = key_encoder
        self.spaces = {space.name: space for space in spaces}
        self.momentum = momentum
        self.negatives = sibling_negatives(spaces)
        start_from(key_encoder, encoder)
        self.meter("loss", *(f"{name}/{what}" for name in self.spaces for what in ("loss", "accuracy", "spread")))

    def targets(self, batch: Batch) -> Keys:
        """Encode each key once, read it by every space in which it is the positive or a sibling negative."""
        place = tf.argsort(gather(batch["order"]))
        keys: Keys = {name: {} for name in self.spaces}
        for key in self.spaces:
            readers = [name for name in self.spaces if name == key or key in self.negatives[name]]
            encoded = self._encode(batch["views"][key], readers)
            found = own_rows(tf.gather(gather(encoded), place), encoded)
            for name, rows in zip(readers, tf.split(tf.stop_gradient(found), len(readers), axis=1)):
                keys[name][key] = rows
        return keys

    def _encode(self, images: tf.Tensor, heads: list[str]) -> tf.Tensor:
        """A key in several spaces, side by side: `[B, heads * D]`, which costs one exchange between replicas."""

        def encode(part: tf.Tensor) -> tf.Tensor:
            outputs = self.key_encoder(part, training=True, heads=heads)
            return tf.concat([outputs[name] for name in heads], axis=1)

        return joined(in_turn(encode, images, self.parts))

    def compare(self, batch: Batch, targets: Keys) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """L_i of each space; to remember, the key and the query of each space, side by side."""
        queries = self.encoder(batch["views"]["query"], training=True)
        losses, remembered = {}, {}
        for name, space in self.spaces.items():
            query, keys = queries[name], targets[name]
            siblings = [keys[key] for key in self.negatives[name]]
            stacked = tf.stack(siblings, axis=1) if siblings else tf.zeros_like(query)[:, None][:, :0]
            losses[name], logits = space(query, keys[name], stacked)
            self.record(f"{name}/loss", losses[name])
            self.record(f"{name}/accuracy", tf.cast(tf.argmax(logits, axis=1) == 0, tf.float32))
            remembered[name] = tf.concat([keys[name], tf.stop_gradient(query)], axis=1)
        return losses, remembered

    def commit(self, remembered: dict[str, tf.Tensor]) -> None:
        """Each space's keys, of all replicas, enter its queue; then the key encoder follows."""
        for name, rows in remembered.items():
            keys, queries = tf.split(gather(rows), 2, axis=1)
            self.spaces[name].commit(keys)
            self._record_spread(name, queries)
        follow(self.key_encoder, self.encoder, self.momentum)

    def _record_spread(self, name: str, queries: tf.Tensor) -> None:
        """1 when the unit vectors of the global batch lie evenly on the sphere, 0 when all are one vector."""
        spread = tf.math.reduce_std(queries, axis=0) * tf.sqrt(tf.cast(tf.shape(queries)[1], queries.dtype))
        self.record(f"{name}/spread", spread)

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(
            "Save the config of the experiment beside a checkpoint; `methods.build` builds it again."
        )
