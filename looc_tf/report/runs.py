"""A trained run, evaluated and exported: what `looc evaluate` and `looc export` do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from looc_tf.data import Source, open_parts
from looc_tf.errors import UserError
from looc_tf.evaluate import Reading, read_results, readings, write_results
from looc_tf.evaluate.figure import matrix_figure
from looc_tf.evaluate.progress import terminal_progress
from looc_tf.evaluate.tables import screen
from looc_tf.export import Embedder, export
from looc_tf.files import write_atomically, writing
from looc_tf.run import Run, load_run


def embedder_of(run: Run) -> Embedder:
    """The query encoder of a run behind its preprocessing: what is evaluated is what is exported."""
    return Embedder.from_run(run)


def method_label(run: Run) -> str:
    """How results name the method of a run: the last part of its config's name, such as `looc-rotation`."""
    return run.experiment.name.rpartition("/")[2]


def evaluate_run(
    path: str | Path,
    data: str | None = None,
    sources: Mapping[str, Source] | None = None,
    checkpoint: str = "last",
) -> list[dict[str, Any]]:
    """Probe a trained run; write results.json, probes.json and matrix.png into it, print the table.

    Of another checkpoint than the last they go to RUN/best or RUN/step-STEP, which `compare` reads like a run.

    Args:
        path: the run folder.
        data: other pictures than those of its config.
        sources: the parts, where they are open already.
        checkpoint: see `load_run`.

    Returns:
        The records of results.json.
    """
    run = load_run(path, checkpoint)
    experiment = run.experiment
    sources = sources or open_parts(data or experiment.data.name, size=experiment.data.size)
    with terminal_progress() as progress:
        read = list(readings(embedder_of(run).images, sources, experiment.evaluation, progress))
    records = write_readings(run, read, _part(checkpoint))
    Console().print(screen(records, {reading.probe: reading.chance for reading in read}))
    return records


def write_readings(run: Run, read: Sequence[Reading], part: str = "") -> list[dict[str, Any]]:
    """Writes results.json, probes.json and matrix.png into the folder of a run; returns the records of the first.

    Args:
        run: the run.
        read: what was read from it.
        part: a folder in that of the run, for what was read from another checkpoint than its last.
    """
    out, name = run.path / part, f"{run.path.name}/{part}".rstrip("/")
    records = [reading.record(name, method_label(run), run.experiment.seed) for reading in read]
    with writing(out):
        out.mkdir(exist_ok=True)
    write_results(out / "results.json", records)
    write_atomically(out / "probes.json", json.dumps([reading.as_dict() for reading in read], indent=2) + "\n")
    chance = {reading.probe: reading.chance for reading in read}
    matrix_figure(records, out / "matrix.png", name, chance)
    return records


def _part(checkpoint: str) -> str:
    return {"last": "", "best": "best"}.get(checkpoint, f"step-{checkpoint}")


def read_runs(paths: Sequence[str | Path]) -> list[dict[str, Any]]:
    """The records of several evaluated runs, or of folders that hold a results.json."""
    records = []
    for path in map(Path, paths):
        if not (path / "results.json").is_file():
            raise UserError(f"{path} holds no results.json. Evaluate the run first: looc evaluate {path}")
        records += read_results(path / "results.json")
    return records


def export_run(path: str | Path, out: str | Path, checkpoint: str = "last") -> Path:
    """Export the query encoder of a run as the next version under `out`; for `checkpoint` see `load_run`."""
    return export(embedder_of(load_run(path, checkpoint)), out)
