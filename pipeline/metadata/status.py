"""What `looc pipeline status` shows, from the metadata of a root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from looc_tf.errors import UserError
from pipeline.metadata import history


def tables(root: Path) -> Iterator[Table]:
    """The runs with their steps, then the models that were judged, then what was pushed."""
    store = history.open_store(root)
    steps = Table(title="runs", title_justify="left", box=None)
    for heading in ("run", "step", "state", "seconds"):
        steps.add_column(heading, justify="right" if heading == "seconds" else "left", no_wrap=True)
    for run in history.runs(store):
        for number, step in enumerate(run.steps):
            steps.add_row("" if number else run.name.partition(".")[0], step.name, step.state, f"{step.seconds:.1f}")
    yield steps
    yield _judged(store)
    yield _pushed(store)


def _judged(store: Any) -> Table:
    table = Table(title="judged models", title_justify="left", box=None)
    for heading in ("model", "verdict", "against"):
        table.add_column(heading, overflow="fold")
    for blessing in history.blessings(store):
        known = blessing.custom_properties
        verdict = "blessed" if known["blessed"].int_value == 1 else "refused"
        table.add_row(
            known["current_model"].string_value, verdict, known["baseline_model"].string_value or "floors alone"
        )
    return table


def _pushed(store: Any) -> Table:
    table = Table(title="pushed models", title_justify="left", box=None)
    table.add_column("version")
    table.add_column("place", overflow="fold")
    for destination, version in _pushes(store):
        table.add_row(version, destination)
    return table


def _pushes(store: Any) -> list[tuple[str, str]]:
    """(place, version) of what was pushed, oldest first."""
    artifacts = sorted(store.get_artifacts_by_type("PushedModel"), key=lambda one: one.id)
    known = [one.custom_properties for one in artifacts if one.custom_properties["pushed"].int_value == 1]
    return [(one["pushed_destination"].string_value, one["pushed_version"].string_value) for one in known]


def latest_pushed(root: Path) -> Path:
    """The version that was pushed last.

    Raises:
        UserError: nothing was pushed, or it is gone.
    """
    pushes = _pushes(history.open_store(root))
    if not pushes:
        raise UserError(f"Nothing has been pushed from {root} yet: no model was blessed. looc pipeline status {root}")
    model = Path(pushes[-1][0])
    if not (model / "saved_model.pb").is_file():
        raise UserError(f"The latest pushed model, {model}, is gone. Restore it, or push again.")
    return model
