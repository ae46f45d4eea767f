"""Shards: pictures written as record files of `tf.Example`, one file at a time, by a Beam worker."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf

from looc_tf.data import read_table
from looc_tf.data.ingest import FAULTS, Checked, readable_batch
from looc_tf.data.pixels import PLAIN, Pixels
from looc_tf.data.table import Table
from looc_tf.errors import reason
from pipeline.examples.example import to_example

SHARD = 2048  # pictures in a record file
BATCH = 64  # pictures held at a time
NAMED = 20  # broken pictures of a file that the report names

Shard = dict[str, Any]  # split, number, of, rows


class WriteShard(beam.DoFn):
    """Writes the pictures of one shard and yields what was found: `{split, count, broken, named}`.

    Pictures are checked by decoding them. Their bytes are kept as they are, but for formats that a serving model cannot
    decode, which become PNG. Rows keep their order, so the same pictures give the same files on any runner.

    Args:
        data: as `looc_tf.data.open_source` takes it; readable on every worker.
        size: pixels of the side at which pictures are looked at.
        uri: of the Examples artifact.
        rule: by which their pixels become 8 bits; what TensorFlow cannot decode is written so already.
    """

    def __init__(self, data: str, size: int, uri: str, rule: Pixels = PLAIN):
        self.data, self.size, self.uri, self.rule = data, size, uri, rule
        self.table: Table | None = None

    def setup(self) -> None:
        self.table = read_table(self.data)

    def process(self, shard: Shard) -> Iterator[dict[str, Any]]:
        assert self.table is not None
        split, rows = shard["split"], shard["rows"]
        name = f"{split}-{shard['number']:05}-of-{shard['of']:05}.tfrecord"
        count, broken = 0, []
        folder = os.path.join(self.uri, f"Split-{split}")
        tf.io.gfile.makedirs(folder)
        with tf.io.TFRecordWriter(os.path.join(folder, name)) as writer:
            for start in range(0, len(rows), BATCH):
                for row, checked in self._read(rows[start : start + BATCH]):
                    if isinstance(checked, str):
                        broken.append((str(self.table.ids[row]), checked))
                    else:
                        example = to_example(self.table, row, *checked, len(self.rule.bands))
                        writer.write(example.SerializeToString(deterministic=True))
                        count += 1
        yield {"split": split, "count": count, "broken": len(broken), "named": broken[:NAMED]}

    def _read(self, rows: Sequence[int]) -> Iterator[tuple[int, Checked]]:
        assert self.table is not None
        files: list[tuple[int, bytes]] = []
        for row in rows:
            try:
                files.append((row, self.table.picture(row)))
            except FAULTS as error:
                yield row, reason(error)
        checked = readable_batch([data for _, data in files], self.size, self.rule) if files else []
        yield from ((row, result) for (row, _), result in zip(files, checked))
