"""`Source`: the pictures of one split as uint8 squares, readable in any order from inside a tf.data pipeline."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from looc_tf.data.census import Census
from looc_tf.data.held import Held, keep_broken, known_broken
from looc_tf.data.ingest import FAULTS, decode_all, decode_one, why_broken
from looc_tf.data.pixels import PLAIN, Pixels
from looc_tf.data.table import Table
from looc_tf.errors import UserError

BUDGET = 2 * 1024**3  # bytes of decoded pictures that are held in memory
_WORKERS = 8  # threads that read and decode one batch when pictures are not held in memory


class Source:
    """Random access to the decoded pictures of one split.

    The order of training is a permutation computed from (seed, epoch), so a run can resume at any position at once:
    what it needs is `fetch(indices)`. Pictures are decoded once and held in memory if they fit `budget`, at opening or,
    where it is known from an earlier start which of them are broken, when they are first asked for; otherwise they are
    decoded at each fetch. A broken picture is named in `skipped`: one found at opening is left out, one found at a
    fetch is replaced by the next readable picture, always the same.

    Attributes:
        name, split, size: what was opened, and the side of the pictures in pixels.
        fields: label field -> class names. "label" is the main one; {} when there are no labels (`label` is then -1).
        stylized: whether each element has a field `stylized`, uint8 like `image`.
        skipped: list of (id, reason).
        census: of the set that this is a part of, as listed (`census_of`: as it turned out); None where it is of none.
        notes: what is to be said of how the set was read, a line each.
        pixels: the rule by which raw intensities became these 8 bits.
        remarks: what was found while the rule was, for people: (level of logging, line).

    Example:
        >>> from looc_tf.data import open_source
        >>> source = open_source("factors", "test", size=64, limit=8)
        >>> source.fetch(tf.constant([3, 1]))["image"].shape
        TensorShape([2, 64, 64, 3])
    """

    def __init__(
        self,
        table: Table,
        *,
        name: str,
        split: str,
        size: int,
        budget: int = BUDGET,
        census: Census | None = None,
        pixels: Pixels = PLAIN,
        remarks: Sequence[tuple[int, str]] = (),
    ):
        self.pixels, self.remarks = pixels, tuple(remarks)
        self.name, self.split, self.size, self.census = name, split, size, census
        self.fields = {field: tuple(names) for field, names in table.fields.items()}
        self.skipped: list[tuple[str, str]] = list(table.skipped)
        self.notes = table.notes
        self.stylized = table.stylized is not None
        self._broken: set[int] = set()  # rows that a fetch found so
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_WORKERS, "decode")  # starts no thread before its first task
        self._held: Held | None = None
        if len(table) * size * size * pixels.channels * (1 + self.stylized) <= budget:
            table = self._hold(table)
        if not len(table):
            raise self._nothing()
        self._table = table
        self._ids = np.array([name.encode() for name in table.ids], object)

    def _hold(self, table: Table) -> Table:
        """The sound rows of a table, to be held in memory: decoded now or, where the broken ones are known, later."""
        suspects = known_broken(table, self.size, self.pixels) if table.stylized is None else None
        if suspects is None:
            names, table = table, self._decode(table)
            keep_broken(names, self.size, self.pixels, [name for name, _ in self.skipped])
            return table
        broken = [row for row in suspects.tolist() if not self._is_sound(table, row)]
        table = table.take(np.setdiff1d(np.arange(len(table)), broken)) if broken else table
        self._held = Held.none_yet(len(table), self.size, self.pixels.channels)
        return table

    def _is_sound(self, table: Table, row: int) -> bool:
        try:
            decode_one(table.picture(row), self.size, self.pixels)
        except FAULTS as error:
            self.skipped.append((str(table.ids[row]), why_broken(error)))
            return False
        return True

    def _decode(self, table: Table) -> Table:
        images, good, broken = decode_all(table.picture, table.ids, self.size, self.pixels)
        self.skipped += broken
        copies = None
        if table.stylized is not None:
            copies, fine, broken = decode_all(table.stylized, table.ids, self.size, self.pixels)
            self.skipped += [(name, f"stylised copy: {why}") for name, why in broken]
            good &= fine
        self._held = Held(images, copies, np.ones(len(good), bool))
        if good.all():
            return table
        self._held = self._held.take(np.flatnonzero(good))
        return table.take(np.flatnonzero(good))

    def _nothing(self) -> UserError:
        first = f" All {len(self.skipped)} are broken, the first: {': '.join(self.skipped[0])}." if self.skipped else ""
        return UserError(
            f"Expected readable pictures in the {self.split} part of {self.name!r}.{first} Check the files."
        )

    def __len__(self) -> int:
        return len(self._table)

    @property
    def looked_at(self) -> bool:
        """Whether its broken pictures are known: all are held in memory, so each was looked at, now or earlier."""
        return self._held is not None

    def __repr__(self) -> str:
        return (
            f"Source({self.name!r}, {self.split!r}, size={self.size}, pictures={len(self)}, labels={list(self.fields)})"
        )

    def take(self, rows: np.ndarray) -> Source:
        """The pictures at these rows, in this order, as a source of their own; nothing is decoded again."""
        rows = np.asarray(rows, np.int64)
        part = copy.copy(self)
        part._table, part._ids = self._table.take(rows), self._ids[rows]
        part._held = self._held and self._held.take(rows)
        part.skipped, part._broken, part._lock = list(self.skipped), set(), threading.Lock()
        return part

    @property
    def ids(self) -> list[str]:
        """Ids of all pictures, in order."""
        return [str(name) for name in self._table.ids]

    @property
    def labels(self) -> Mapping[str, np.ndarray]:
        """Label field -> int64 [N] class numbers, in order, without decoding a picture."""
        return dict(self._table.labels)

    @property
    def element_spec(self) -> dict[str, tf.TensorSpec]:
        """Types and shapes of one element."""
        picture = tf.TensorSpec([self.size, self.size, self.pixels.channels], tf.uint8)
        spec = {"image": picture, **{field: tf.TensorSpec([], tf.int64) for field in self._table.labels}}
        spec["id"] = tf.TensorSpec([], tf.string)
        return {**spec, "stylized": picture} if self.stylized else spec

    def fetch(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """The pictures at `indices`, as a batch; usable in eager code and inside `tf.data.Dataset.map`.

        Args:
            indices: int64 (or int32) [B], each in [0, len(self)).

        Returns:
            {"image": uint8 [B, S, S, C], "label": int64 [B], "id": string [B]}, further label fields as int64 [B], and
            "stylized" uint8 [B, S, S, C] where the set has it.
        """
        spec = self.element_spec
        indices = tf.cast(indices, tf.int64)
        values = tf.numpy_function(self._gather, [indices], [part.dtype for part in spec.values()], stateful=False)
        batch = indices.shape[:1]
        return {key: tf.ensure_shape(value, batch + part.shape) for (key, part), value in zip(spec.items(), values)}

    def dataset(self, batch: int = 256) -> tf.data.Dataset:
        """All elements in order, one at a time; read `batch` at a time."""
        indices = tf.data.Dataset.range(len(self)).batch(batch)
        return (
            indices.map(self.fetch, num_parallel_calls=2)
            .unbatch()
            .apply(tf.data.experimental.assert_cardinality(len(self)))
        )

    def _gather(self, indices: np.ndarray) -> list[np.ndarray]:
        held = self._held
        if held is None or not held.ready[indices].all():
            indices, images, copies = self._read(indices)
        else:
            images, copies = held.images[indices], None if held.copies is None else held.copies[indices]
        values = [images, *(values[indices] for values in self._table.labels.values()), self._ids[indices]]
        return values if copies is None else [*values, copies]

    def _read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Decodes these rows now, but for those that are held; the next good row stands in for a broken one."""
        rows = list(self._pool.map(self._readable, indices.tolist()))
        shape = (len(rows), self.size, self.size, self.pixels.channels)
        images = np.stack([image for _, image, _ in rows]) if rows else np.zeros(shape, np.uint8)
        copies = None
        if self.stylized:
            copies = np.stack([copy for _, _, copy in rows if copy is not None]) if rows else np.zeros(shape, np.uint8)
        return np.array([row for row, _, _ in rows], np.int64), images, copies

    def _readable(self, start: int) -> tuple[int, np.ndarray, np.ndarray | None]:
        for step in range(len(self)):
            row = (start + step) % len(self)
            if row in self._broken:  # known from a fetch before
                continue
            if self._held is not None and self._held.ready[row]:
                return row, self._held.images[row], None
            try:
                image = decode_one(self._table.picture(row), self.size, self.pixels)
                stylized = self._table.stylized
                copy = decode_one(stylized(row), self.size, self.pixels) if stylized is not None else None
                if self._held is not None:
                    self._held.put(row, image)
                return row, image, copy
            except FAULTS as error:
                self._skip(row, why_broken(error))
        raise self._nothing()

    def _skip(self, row: int, why: str) -> None:
        with self._lock:
            if row not in self._broken:
                self._broken.add(row)
                self.skipped.append((str(self._table.ids[row]), why))
