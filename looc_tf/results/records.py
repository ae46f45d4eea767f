"""`results.json`: a list of records, one per run, representation and probe; written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from looc_tf.errors import UserError
from looc_tf.files import write_atomically

Record = Mapping[str, Any]
KEYS = ("run", "method", "seed", "representation", "probe", "value")


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
    if isinstance(records, list) and all(isinstance(record, dict) and set(record) == set(KEYS) for record in records):
        return records
    raise UserError(f"Expected a list of records with {', '.join(KEYS)} in {str(path)!r}. Run `looc evaluate` again.")


def _lines(items: Iterable[Record]) -> str:
    return "[\n" + ",\n".join(json.dumps(dict(item)) for item in items) + "\n]\n"
