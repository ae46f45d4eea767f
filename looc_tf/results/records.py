"""`results.json`: a list of records, one per run, representation and probe; written whole or not at all.

A record also says where its value comes from: which pictures were probed, which checkpoint, by which code. Those that
earlier versions wrote do not, and it stays unknown of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Optional, Union

from looc_tf.config import unlike_trainings
from looc_tf.errors import UserError, printable
from looc_tf.files import typed, write_atomically

Record = Mapping[str, Any]
KEYS = ("run", "method", "seed", "representation", "probe", "value")
FILE = "results.json"
UNKNOWN = "pictures not recorded (results of an earlier version)"
LAST, BEST, STEP = "last", "best", "step-"  # checkpoints as records, tables and folders name them; a number follows


@dataclass(frozen=True)
class Provenance:
    """Where a value comes from; None is what is not known.

    Attributes:
        config: the whole name of the experiment, such as `cifar10/looc-rotation`.
        training: `looc_tf.config.training_id` of it, which runs of one mean have in common.
        data: the pictures that were probed, as they were asked for.
        pictures: how many they were.
        pictures_sha256: a hash of which pictures they were; it tells data sets apart.
        checkpoint: `last`, `best` or `step-N`.
        step: of the checkpoint.
        version, commit: of the code that measured.
    """

    config: Optional[str] = None
    data: Optional[str] = None
    pictures: Optional[int] = None
    pictures_sha256: Optional[str] = None
    checkpoint: Optional[str] = None
    step: Optional[int] = None
    version: Optional[str] = None
    commit: Optional[str] = None
    training: Optional[str] = None

    @classmethod
    def of(cls, record: Record) -> Provenance:
        """What a record says; of the checkpoint, the name of its run says it in the records of earlier versions."""
        said: dict[str, Any] = {field.name: record.get(field.name) for field in fields(cls)}
        return cls(**{**said, "checkpoint": said["checkpoint"] or _part(record["run"])})

    @property
    def data_set(self) -> str:
        """The heading of a table of such values."""
        if not self.pictures_sha256:
            return UNKNOWN
        return f"{printable(str(self.data), 200)}: {self.pictures or 0:,} pictures ({self.pictures_sha256[:8]})"


def folder_of(checkpoint: str) -> str:
    """Where in a run's folder the results of a checkpoint lie: those of the last one in the folder itself."""
    return "" if checkpoint == LAST else checkpoint


def _part(run: str) -> str:
    """The checkpoint in a run's name such as `looc-0/best`: results beside a run's own lie in a folder of it."""
    part = str(run).rpartition("/")[2] if "/" in str(run) else ""
    return part if part == BEST or part.startswith(STEP) else LAST


def row_names(records: Iterable[Record]) -> Callable[[Record], str]:
    """Which rows of a table a record belongs to: those of its method.

    Another checkpoint than the last has rows of its own, such as `looc@best`; so has each config where two of them
    give their method one name, and each training where runs of one name differ in more than their seed, such as
    `byol#3f2a81c0`.
    """
    configs: dict[str, set[Optional[str]]] = {}
    trainings: dict[Any, set[str]] = {}
    for record in records:
        configs.setdefault(record["method"], set()).add(record.get("config"))
        trainings.setdefault(_named(record), set()).update(filter(None, [record.get("training")]))

    def name(record: Record) -> str:
        found = Provenance.of(record)
        several = len(configs.get(record["method"], ())) > 1
        method = found.config if several and found.config else record["method"]
        if found.training and len(trainings.get(_named(record), ())) > 1:
            method = f"{method}#{found.training}"
        return method if found.checkpoint == LAST else f"{method}@{found.checkpoint}"

    return name


def _named(record: Record) -> tuple[str, Optional[str]]:
    return record["method"], record.get("config")


def apart(paths: Sequence[Union[str, Path]]) -> list[str]:
    """A line for each name that evaluated runs of unlike trainings share: in which fields these differ."""
    found: dict[tuple[str, Optional[str]], dict[str, Path]] = {}
    for path in map(Path, paths):
        for record in read_runs([path]):
            if training := record.get("training"):
                found.setdefault(_named(record), {}).setdefault(training, path)
    lines = []
    for (name, _), trainings in found.items():
        (one, its_path), *others = trainings.items()
        for other, path in others:
            changed = _unlike(its_path, path)
            what = f"differ in {', '.join(changed)}" if changed else "are unlike trainings"
            lines.append(f"{name}#{one} and {name}#{other} {what}: each has rows of its own.")
    return lines


def _unlike(*runs: Path) -> list[str]:
    """The fields in which two runs differ, where both still hold their config; results may lie in a folder of a run."""
    files = [folder / "config.yaml" for run in runs for folder in (run, *run.absolute().parents[:2])]
    found = [file for file in files if file.is_file()]
    return unlike_trainings(*found) if len(found) == 2 else []


def by_data(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Heading -> the records of one data set, in order of appearance: no mean is taken over two of them."""
    headings: dict[Optional[str], str] = {}
    blocks: dict[str, list[Record]] = {}
    for record in records:
        found = Provenance.of(record)
        heading = headings.setdefault(found.pictures_sha256, found.data_set)
        blocks.setdefault(heading, []).append(record)
    return blocks


def write_results(path: Union[str, Path], records: Sequence[Record]) -> None:
    """Writes the records, one a line, replacing the file in one step."""
    write_atomically(path, _lines(records))


def read_results(path: Union[str, Path]) -> list[dict[str, Any]]:
    """The records of a `results.json`. Raises UserError where there is none or it holds something else."""
    try:
        records = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"Expected a results file, received {str(path)!r}: {error}. Run `looc evaluate` first."
        ) from error
    if isinstance(records, list) and all(isinstance(record, dict) and set(record) >= set(KEYS) for record in records):
        return records
    raise UserError(f"Expected a list of records with {', '.join(KEYS)} in {str(path)!r}. Run `looc evaluate` again.")


def read_runs(paths: Sequence[Union[str, Path]]) -> list[dict[str, Any]]:
    """The records of several evaluated runs, or of folders that hold a results.json."""
    records = []
    for path in map(Path, paths):
        if not (path / FILE).is_file():
            raise UserError(f"{path} holds no {FILE}. Evaluate the run first: looc evaluate {typed(path)}")
        records += read_results(path / FILE)
    return records


def _lines(items: Iterable[Record]) -> str:
    return "[\n" + ",\n".join(json.dumps(dict(item)) for item in items) + "\n]\n"
