"""What an evaluation has left: its records, and the notes on them that lie beside these."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from looc_tf.evaluate import Reading
from looc_tf.results.records import LAST
from looc_tf.run import Run, load_run

NOTES_FILE = "evaluated.json"  # beside results.json: on how many pictures, and what a reader should know of the numbers


@dataclass(frozen=True)
class Evaluated:
    """What a run was found to know.

    Attributes:
        path: the folder that now holds results.json, probes.json, evaluated.json, matrix.png and, where that was asked
            for, report.html.
        records: of results.json.
        chance: probe -> the accuracy of guessing, in percent.
        notes: lines on what the numbers do not say: which probes were left out and why, classes that none can name.
        readings: the records and how each came about.
        tested: probe -> how many test pictures it was asked of.
    """

    path: Path
    records: list[dict[str, Any]]
    chance: Mapping[str, float]
    notes: Sequence[str] = ()
    readings: Sequence[Reading] = ()
    tested: Mapping[str, int] = field(default_factory=dict)


def opened(run: Run | str | Path, checkpoint: str = LAST) -> Run:
    """A run that is open already as it is, else the one of a folder; for `checkpoint` see `load_run`."""
    return run if isinstance(run, Run) else load_run(run, checkpoint)


def notes_of(run: Path) -> list[str]:
    """The notes on the numbers of an evaluated run; none where it was evaluated by an earlier version."""
    try:
        return [str(line) for line in json.loads((run / NOTES_FILE).read_text(encoding="utf-8"))["notes"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
