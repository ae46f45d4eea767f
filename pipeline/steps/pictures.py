"""The step `Pictures`: pictures of any origin become checked tf.Examples, in splits, on Beam."""

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection
from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples

from looc_tf.data import Census, read_table
from looc_tf.data.beside import PIXELS_FILE
from looc_tf.data.splits import SPLITS, assign
from looc_tf.data.survey import find
from looc_tf.data.table import Table
from looc_tf.errors import UserError
from pipeline.artifacts import DATA_REPORT_FILE, DataReport
from pipeline.examples.shards import NAMED, SHARD, WriteShard
from pipeline.storage import unpack, work_base, write_text

log = logging.getLogger(__name__)


@component(use_beam=True)
def Pictures(
    examples: OutputArtifact[Examples],
    report: OutputArtifact[DataReport],
    data: Parameter[str],
    size: Parameter[int],
    version: Parameter[str],
    fingerprint: Parameter[str],
    pixels: Parameter[str] = "",
    imported: InputArtifact[Examples] = None,
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Checks every picture and writes `Split-<split>/<split>-*.tfrecord`, uncompressed, the bytes of pictures kept.

    Splits are the library's: those that the origin declares, else 80/10/10 by a hash of the id. Beside them lie the
    class names, `labels.txt` and `NAME.labels.txt`, and for pictures of more than 8 bits or of named bands the rule by
    which they become 8 bits, `pixels.json`. Broken pictures are left out, counted and named in the report.

    Args:
        data: a folder of pictures, TFRecord files or a TFDS name, readable on every worker.
        size: pixels of the side at which pictures are looked at.
        version: of the data: what changes when the pictures do; it decides with the rest whether the cache is used.
        fingerprint: of the code.
        pixels: `data.bands` and `data.range` of the experiment, as JSON; empty where it says neither.
        imported: what ImportExampleGen has read, in the place of `data`.
    """
    del version, fingerprint
    unpacked = work_base(examples.uri) / f"unpacked-{os.path.basename(examples.uri)}"
    try:
        origin = _unpacked(imported.uri, unpacked, data) if imported else data
        table = read_table(origin)
        rule, remarks = find(table, data, **json.loads(pixels or "{}"))
        for level, line in remarks:
            log.log(level, "%s", line)
        shards = plan(table)
        census = Census.of(table, assign(table), data)
        with beam_pipeline as job:
            found = (
                job
                | "Shards" >> beam.Create(shards)
                | "Write" >> beam.ParDo(WriteShard(origin, size, examples.uri, rule))
            )
            listed = [list(one) for one in table.skipped]
            _write_found(found, os.path.join(report.uri, DATA_REPORT_FILE), census, listed)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    _names(table, examples.uri)
    if not rule.plain:
        write_text(os.path.join(examples.uri, PIXELS_FILE), json.dumps(rule.record()) + "\n")
    splits = [split for split in SPLITS if any(shard["split"] == split for shard in shards)]
    examples.split_names = artifact_utils.encode_split_names(splits)
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    _nothing_empty(os.path.join(report.uri, DATA_REPORT_FILE), data, splits)


def _unpacked(uri: str, into: Path, data: str) -> str:
    """The imported records with the class names that lie beside the original ones, which ImportExampleGen drops."""
    made = unpack(uri, into)
    place = Path(data).expanduser()
    for names in (place if place.is_dir() else place.parent).glob("*labels.txt"):
        shutil.copy(names, into)
    return made


def plan(table: Table) -> list[dict[str, Any]]:
    """Which rows go into which file; in the order of the table, so that it is the same wherever it is made."""
    splits, shards = assign(table), []
    for split in SPLITS:
        rows = np.flatnonzero(splits == split).tolist()
        of = -(-len(rows) // SHARD)
        for number in range(of):
            part = rows[number * SHARD : (number + 1) * SHARD]
            shards.append({"split": split, "number": number, "of": of, "rows": part})
    return shards


def _write_found(found: PCollection, path: str, census: Census, listed: list[list[str]]) -> None:
    """One small file of what all shards found."""

    def write(parts: list[dict[str, Any]]) -> None:
        counts: dict[str, int] = {}
        named, broken = listed[:NAMED], len(listed)
        for part in sorted(parts, key=lambda part: part["split"]):
            counts[part["split"]] = counts.get(part["split"], 0) + part["count"]
            named, broken = named + [list(one) for one in part["named"]], broken + part["broken"]
        said = census.turned_out(counts, broken).as_dict()
        about = {"data": census.name, "pictures": counts, "broken": broken, "named": named, "census": said}
        write_text(path, json.dumps(about, indent=2) + "\n")

    _ = found | "Gather" >> beam.combiners.ToList() | "Report" >> beam.Map(write)


def _names(table: Table, uri: str) -> None:
    for field, names in table.fields.items():
        name = "labels.txt" if field == "label" else f"{field}.labels.txt"
        write_text(os.path.join(uri, name), "".join(f"{one}\n" for one in names))


def _nothing_empty(path: str, data: str, splits: list[str]) -> None:
    with fileio.open(path, "r") as file:
        about = json.loads(file.read())
    empty = [split for split in splits if not about["pictures"].get(split)]
    if empty:
        first = f" The first broken one: {': '.join(about['named'][0])}." if about["named"] else ""
        raise UserError(
            f"Expected readable pictures in the {empty[0]} part of {data!r}. "
            f"{about['broken']} are broken, none is sound.{first} Check the files."
        )
