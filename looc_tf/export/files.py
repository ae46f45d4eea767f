"""Embedding any number of picture files with an exported encoder."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import tensorflow as tf

from looc_tf.data.ingest import Broken, portions, transcode
from looc_tf.data.raw import is_deep
from looc_tf.errors import UserError, out_of_memory, reason, unknown
from looc_tf.export.pictures import Item, Picture, Pictures, Read, find, read_ahead
from looc_tf.export.saved_model import latest, recorded_rule
from looc_tf.export.tables import TABLES, Rows, Table
from looc_tf.files import scratch, without_patterns
from looc_tf.progress import Show, stages

log = logging.getLogger(__name__)

Batch = list[tuple[str, bytes]]


@dataclass
class Embedded:
    """What `embed_files` did: the file, how many pictures are in it, (id, reason) of those that are not, and
    kind -> files beside them that are no pictures."""

    path: Path
    count: int = 0
    skipped: list[Broken] = field(default_factory=list)
    passed_over: Mapping[str, int] = field(default_factory=dict)
    deep: int = 0  # pictures of more than 8 bits, where the encoder was trained on ones of 8

    @property
    def remark(self) -> str:
        """What is to be said of how the pictures were read; "" for nothing."""
        if not self.deep:
            return ""
        return (
            f"{self.deep:,} of the pictures have more than 8 bits a value, and the encoder was trained on pictures of "
            "8 bits: the upper 8 bits were embedded, which are nearly black where the values are small. Scale the "
            "pictures to 8 bits with one range, or train on such."
        )


def embed_files(
    export: str | Path,
    images: str | Path,
    out: str | Path,
    *,
    batch: int = 32,
    tell: Optional[Callable[[str], None]] = None,
) -> Embedded:
    """Embeds pictures and writes a table of their ids and of every representation.

    Memory is bounded whatever the number of pictures. Broken pictures are skipped and named in the result.

    Args:
        export: `DIR/<version>`, or `DIR` for its latest version.
        images: a folder (read at any depth), a picture, or TFRecord files of `tf.Example` (a file or a folder of them).
        out: an `.npz` or `.parquet` file; replaced in one step if it exists.
        batch: pictures per run of the model.
        tell: is given a line that says how many pictures there are and what is passed over; logged by default.

    Raises:
        UserError: there is no export, no readable picture, or `out` cannot be written.

    Example:
        >>> embed_files("exports/looc", "photos", "photos.npz").count               # doctest: +SKIP
        1204
        >>> np.load("photos.npz")["color"].shape                                    # doctest: +SKIP
        (1204, 128)
    """
    out = Path(out)
    if out.suffix.lower() not in TABLES:
        raise unknown("kind of output", out.suffix or out.name, TABLES)
    if out.is_dir():
        raise UserError(f"Expected a file to write. {out} is a folder. Choose another file.")
    model, pictures = Model(latest(export)), find(images)
    said = pictures.census(images)
    if said:
        (tell or _log)(said)
    done = Embedded(out, passed_over=pictures.passed_over)
    try:
        with scratch(out) as folder, stages("embedding", "bar", "count", "left") as show:
            table = TABLES[out.suffix.lower()](folder, model.dimensions)
            _fill(table, model, pictures, batch, done, show)
            written = table.close()
            if not done.count:
                raise UserError(f"Expected readable pictures in {images}. {_first(done.skipped)}")
            os.replace(written, out)
    except OSError as error:
        raise UserError(
            f"Expected to write {out}. {reason(error)}. Nothing was changed; free some space or choose another file."
        ) from error
    return done


class Model:
    """An export, loaded to embed files.

    Args:
        path: the folder of a version.

    Raises:
        UserError: it cannot be loaded, or is a SavedModel of another kind.
    """

    def __init__(self, path: Path):
        try:
            with without_patterns(path) as folder:
                self._loaded = tf.saved_model.load(str(folder))  # kept: its functions do not keep their variables alive
        except (OSError, ValueError, tf.errors.OpError) as error:
            if out_of_memory(error) is not None:
                raise
            raise UserError(
                f"Expected a complete export in {path}. {reason(error)}. Write it again: looc export RUN --out DIR"
            ) from error
        self.rule = recorded_rule(path)
        self._serve = self._loaded.signatures.get("serving_default")
        if self._serve is None or "image_bytes" not in self._serve.structured_input_signature[1]:
            raise UserError(
                f"Expected an export of looc in {path}, whose input is 'image_bytes'. Received another SavedModel. "
                "Write one: looc export RUN --out DIR"
            )

    @property
    def dimensions(self) -> dict[str, int]:
        """Representation -> dimension."""
        return {name: int(spec.shape[-1]) for name, spec in self._serve.structured_outputs.items()}

    def embed(self, batch: Batch, skipped: list[Broken]) -> Iterator[tuple[list[str], Rows]]:
        """(ids, rows) of the readable pictures in order, in one piece unless one of them is broken."""
        rows = self._rows([data for _, data in batch])
        if isinstance(rows, str) and len(batch) > 1:  # it does not say which: look in both halves
            for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                yield from self.embed(half, skipped)
            return
        if isinstance(rows, str):
            rows = self._retry(batch[0][1], rows)
        if isinstance(rows, str):
            skipped.append((batch[0][0], rows))
        else:
            yield [name for name, _ in batch], rows

    def _rows(self, encoded: list[bytes]) -> Rows | str:
        """What the model gives, or why it refuses them."""
        try:
            served = self._serve(image_bytes=tf.constant(encoded))
            return {name: value.numpy() for name, value in served.items()}
        except tf.errors.InvalidArgumentError as error:
            return reason(error)

    def _retry(self, data: bytes, why: str) -> Rows | str:
        """A picture that TensorFlow refuses may be a variant of its format that Pillow reads (a compressed BMP)."""
        try:
            rows = self._rows([transcode(data, self.rule)])
        except ValueError as error:
            return reason(error)
        return why if isinstance(rows, str) else rows


def _fill(table: Table, model: Model, pictures: Pictures, size: int, done: Embedded, show: Show) -> None:
    show("embedding", 0, pictures.count)
    for batch in _batches(read_ahead(_noted(pictures.items, model, done), model.rule), size, done.skipped):
        for ids, rows in model.embed(batch, done.skipped):
            table.write(ids, rows)
            done.count += len(ids)
        show("embedding", done.count + len(done.skipped), pictures.count)


def _noted(items: Iterable[Item], model: Model, done: Embedded) -> Iterator[Item]:
    """The same items; it is noted how many are deeper than what the model was trained on."""

    lock = threading.Lock()  # several threads read ahead

    def noting(read: Read) -> Read:
        def noted() -> bytes:
            data = read()
            with lock:
                done.deep += is_deep(data)
            return data

        return noted

    for name, read in items:
        yield name, noting(read) if model.rule.plain else read


def _batches(pictures: Iterable[Picture], size: int, skipped: list[Broken]) -> Iterator[Batch]:
    """The pictures that could be read, at most `size` at a time; those that could not are added to `skipped`."""

    def sound() -> Iterator[tuple[str, bytes]]:
        for name, data in pictures:
            if isinstance(data, str):
                skipped.append((name, data))
            else:
                yield name, data

    return portions(sound(), size)


def _log(line: str) -> None:
    log.info("%s", line)


def _first(skipped: list[Broken]) -> str:
    return f"All {len(skipped)} are broken, the first: {': '.join(skipped[0])}." if skipped else "There are none."
