"""Pictures to record files of tf.Example, a file at a time, on whatever worker Beam puts it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from PIL import Image

from looc_tf.data import read_table
from looc_tf.data.ingest import FAULTS, Checked, readable_batch
from looc_tf.data.splits import stable_hash
from looc_tf.data.table import Table
from looc_tf.errors import reason
from looc_tf.evaluate.features import hue_shift_of

# Which generated copy of a picture the rotation and the hue probe are shown, and whether it has a label.
TURN, HUE_SHIFT, LABELLED = "turn", "hue_shift", "labelled"
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
    """

    def __init__(self, data: str, size: int, uri: str):
        self.data, self.size, self.uri = data, size, uri
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
                        writer.write(example(self.table, row, *checked).SerializeToString(deterministic=True))
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
        checked = readable_batch([data for _, data in files], self.size) if files else []
        yield from ((row, result) for (row, _), result in zip(files, checked))


def example(table: Table, row: int, data: bytes, pixels: np.ndarray) -> tf.train.Example:
    """One picture with its labels, the questions that generated copies ask of it, and what it looks like."""
    name = str(table.ids[row])
    labels = {field: int(values[row]) for field, values in table.labels.items()}
    features: dict[str, Any] = {
        "image": data,
        "id": name.encode(),
        **labels,
        LABELLED: float(labels["label"] >= 0),
        TURN: int(stable_hash(np.array([name], object), "turn")[0] % np.uint64(4)),
        HUE_SHIFT: int(hue_shift_of(tf.constant([name]))[0]),
        **looks(data, pixels),
    }
    if table.stylized is not None:
        features["stylized"] = table.stylized(row)
    return tf.train.Example(features=tf.train.Features(feature={key: _feature(item) for key, item in features.items()}))


def looks(data: bytes, pixels: np.ndarray) -> dict[str, Any]:
    """Size, format and mode of the file; mean brightness and saturation (HSV, 0 to 1) of its centred square."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height, kind, mode = image.width, image.height, image.format or "", image.mode
    except (OSError, ValueError, SyntaxError):  # Pillow minds what TensorFlow passes over, such as a text that swells
        (height, width), kind, mode = tf.io.decode_image(data, expand_animations=False).shape[:2], "", ""
    top, bottom = pixels.max(-1).astype(np.float32), pixels.min(-1).astype(np.float32)
    return {
        "height": height,
        "width": width,
        "format": kind.encode(),
        "mode": mode.encode(),
        "brightness": float(top.mean() / 255.0),
        "saturation": float(((top - bottom) / np.maximum(top, 1.0)).mean()),
    }


def _feature(value: bytes | float) -> tf.train.Feature:
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if isinstance(value, float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
