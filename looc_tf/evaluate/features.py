"""Frozen features: every picture is fetched once, every copy of it is embedded once, all representations at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from looc_tf.errors import UserError
from looc_tf.evaluate.corrupted import corrupted
from looc_tf.evaluate.destroyed import WITHOUT
from looc_tf.evaluate.moved import moved
from looc_tf.evaluate.once import Once
from looc_tf.representations import BRANCH, CONCAT, PROBABILITIES, is_space, ordered, outputs_of, parts_of

if TYPE_CHECKING:
    from looc_tf.data import Source

Embed = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]  # uint8 [B, S, S, 3] -> {representation: float32 [B, D]}
Progress = Callable[[str, int, int], None]  # stage, done, total
Copies = Callable[[Mapping[str, tf.Tensor]], tf.Tensor]  # batch of the source -> uint8 [B, S, S, 3]

UPRIGHT = "upright"
TURNS = (UPRIGHT, "90", "180", "270")  # the four quarter turns of a picture
TURNED = "turned"  # each picture in the one of them that a hash of its id gives it

# Multiples of a third of the circle permute the channels exactly and the others mirror them, so that rounding leaves
# no trace of the shift: only the colors of the picture can tell.
HUE_SHIFTS = 6


def turn_of(ids: tf.Tensor) -> tf.Tensor:
    """How many quarter turns a picture gets where it is shown in one of the four: int64 [B], a hash of its id."""
    return tf.strings.to_hash_bucket_fast(tf.strings.join([ids, "turn"], "/"), len(TURNS))


def hue_shift_of(ids: tf.Tensor) -> tf.Tensor:
    """Which of the generated hue shifts a picture gets: int64 [B] in [0, HUE_SHIFTS), a hash of its id."""
    return tf.strings.to_hash_bucket_fast(ids, HUE_SHIFTS)


def shift_hue(images: tf.Tensor, shifts: tf.Tensor) -> tf.Tensor:
    """Turns the hue of uint8 images [B, H, W, 3] by `shifts` [B] steps of 1/HUE_SHIFTS of the circle, in HSV."""
    hsv = tf.image.rgb_to_hsv(tf.cast(images, tf.float32) / 255.0)
    turn = tf.cast(shifts, tf.float32)[:, None, None] / HUE_SHIFTS
    hsv = tf.stack([tf.math.floormod(hsv[..., 0] + turn, 1.0), hsv[..., 1], hsv[..., 2]], axis=-1)
    return tf.cast(tf.round(tf.image.hsv_to_rgb(hsv) * 255.0), tf.uint8)


def _quarter_turns(k: int) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
    return lambda batch: tf.image.rot90(batch["image"], k)


def turned(images: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """Each of the images [B, S, S, C] in its own number of quarter turns, `turns` [B], against the clock."""
    ways = tf.stack([tf.image.rot90(images, k) for k in range(len(TURNS))], axis=1)
    return tf.gather(ways, turns, axis=1, batch_dims=1)


COPIES: dict[str, Copies] = {
    UPRIGHT: lambda batch: batch["image"],
    "90": _quarter_turns(1),
    "180": _quarter_turns(2),
    "270": _quarter_turns(3),
    TURNED: lambda batch: turned(batch["image"], turn_of(batch["id"])),
    "hue_shift": lambda batch: shift_hue(batch["image"], hue_shift_of(batch["id"])),
    **WITHOUT,
}

# what the names of copies with a strength begin with, such as `moved/hue/0.5` -> the rest of the name -> the copies
FAMILIES: dict[str, Callable[[str], Copies]] = {"moved": moved, "corrupted": corrupted}


def copies_of(name: str) -> Copies:
    """How the copies of this name are made, one of `COPIES` or of a family with strengths."""
    family, _, rest = name.partition("/")
    return FAMILIES[family](rest) if family in FAMILIES else COPIES[name]


@dataclass(frozen=True)
class Features:
    """One part of the data, embedded: `copies[copy][representation]` float32 [N, D], `labels[field]` int64 [N]."""

    copies: Mapping[str, Mapping[str, np.ndarray]]
    labels: Mapping[str, np.ndarray]
    once: Once = dataclasses.field(default_factory=Once, repr=False, compare=False)  # see `Once`

    @property
    def spaces(self) -> tuple[str, ...]:
        """The names of the embedding spaces: neither the trunk nor a branch of it."""
        return tuple(filter(is_space, next(iter(self.copies.values()))))

    @property
    def families(self) -> tuple[tuple[str, ...], ...]:
        """What can stand side by side: the spaces, and the branches, of which there are none under one trunk."""
        return self.spaces, tuple(name for name in next(iter(self.copies.values())) if name.startswith(BRANCH))

    @property
    def representations(self) -> tuple[str, ...]:
        """What can be probed: the trunk, the spaces, all of these concatenated, the branches."""
        names = [name for name in next(iter(self.copies.values())) if name != PROBABILITIES]
        return tuple(ordered([*names, *([CONCAT] if self.spaces else [])]))

    def same(self, representation: str) -> str:
        """The representation with the same vectors: one space, if there is no other, is all of them concatenated, and
        so are all of them by name."""
        if representation == CONCAT and len(self.spaces) == 1:
            return self.spaces[0]
        return CONCAT if len(self.spaces) > 1 and parts_of(representation) == self.spaces else representation

    def of(self, copy: str, representation: str) -> np.ndarray:
        """The rows of one copy in one representation, float32 [N, D]."""
        rows = self.copies[copy]
        names = outputs_of(representation, rows)
        return rows[names[0]] if len(names) == 1 else np.concatenate([rows[name] for name in names], axis=1)


def extract(
    embed: Embed,
    source: Source,
    indices: np.ndarray,
    copies: Sequence[str],
    batch: int,
    report: Callable[[int], None] = lambda pictures: None,
) -> Features:
    """Embeds `copies` of the pictures at `indices` of a source, in that order.

    Raises UserError where an embedding is not finite: no probe of it would mean anything.
    """
    fields = [*source.fields, "hue_shift", "turn"]
    rows: dict[str, dict[str, list[np.ndarray]]] = {copy: {} for copy in copies}
    labels: dict[str, list[np.ndarray]] = {field: [] for field in fields}
    for pictures in _batches(source, indices, batch):
        pictures["hue_shift"], pictures["turn"] = hue_shift_of(pictures["id"]), turn_of(pictures["id"])
        for field in fields:
            labels[field].append(pictures[field].numpy())
        for copy in copies:
            for name, value in embed(copies_of(copy)(pictures)).items():
                rows[copy].setdefault(name, []).append(np.asarray(value, np.float32))
        report(len(pictures["id"]))
    joined = {copy: {name: _joined(name, parts) for name, parts in rows[copy].items()} for copy in copies}
    return Features(joined, {field: np.concatenate(parts) for field, parts in labels.items()})


def _batches(source: Source, indices: np.ndarray, batch: int) -> tf.data.Dataset:
    dataset = tf.data.Dataset.from_tensor_slices(np.asarray(indices, np.int64)).batch(batch)
    return dataset.map(source.fetch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(2)


def _joined(name: str, parts: Sequence[np.ndarray]) -> np.ndarray:
    rows = np.concatenate(parts)
    if np.isfinite(rows).all():
        return rows
    raise UserError(
        f"Expected finite embeddings, received not-a-number or infinite values in {name!r}. "
        "The weights have diverged: evaluate an earlier checkpoint or train with a lower learning rate."
    )
