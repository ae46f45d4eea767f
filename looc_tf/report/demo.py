"""The demo: leave-one-out over a method and the method alone, with the same augmentations and as many encoder forwards,
side by side on one page; by default LooC and MoCo."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.data import Source, open_parts, reading
from looc_tf.data.census import opening_lines
from looc_tf.errors import UserError
from looc_tf.experiments import from_dict
from looc_tf.export import latest
from looc_tf.files import is_temporary, typed, write_atomically, writing
from looc_tf.report import little
from looc_tf.report.asked import Asked
from looc_tf.report.headline import CHANCE, headline
from looc_tf.report.page import PAGE, tested_by, write_page
from looc_tf.report.runs import evaluate_run, export_run, provenance
from looc_tf.results import Provenance, read_results, write_results
from looc_tf.results.levels import guessing
from looc_tf.results.records import FILE, Record
from looc_tf.results.tables import MAJORITY, screen
from looc_tf.run import Run, load_run
from looc_tf.run.log import counts_told
from looc_tf.training import train

BEGUN = "demo.json"  # what makes a folder that of a demo: the configs that it was begun with

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Demo:
    """What a demo has left.

    Attributes:
        page: report.html.
        export: the exported encoder of its first run.
        records: the results of all runs.
        was_done: whether an earlier call had finished it, and this one left it as it is.
        seconds: that this call took.
        tested: probe -> how many test pictures it was asked of.
    """

    page: Path
    export: Path
    records: Sequence[Record]
    was_done: bool = False
    seconds: float = 0.0
    tested: Mapping[str, int] = field(default_factory=dict)


def demo(
    out: str | Path,
    quick: bool = False,
    data: str | None = None,
    experiments: Mapping[str, Experiment] | None = None,
    tell: Tell = lambda line: None,
    labels: str | None = None,
    method: str = "looc",
    overrides: Sequence[str] = (),
) -> Demo:
    """Train, evaluate, export and report; all is written into `out`.

    A demo that was interrupted goes on where it stopped: what is done is left as it is.

    Args:
        out: a folder that is new or empty, or that a demo of the same configs has begun.
        quick: a look, of an eighth of the steps, with worse numbers.
        data: a folder of pictures instead of the generated set.
        experiments: label -> what to train instead of the shipped configs, on one data set; the first is exported.
        tell: is given a line at the start of each part of the work.
        labels: a CSV file of the labels of `data`.
        method: over which leave-one-out is shown; it has spaces.
        overrides: texts `dotted.field=value`, laid over both shipped configs.

    Raises:
        UserError: the method is unknown or has no spaces, `out` holds something else, or what `train` and
            `evaluate_run` raise.
    """
    out, started = Path(out), time.monotonic()
    shipped = experiments is None
    asked = Asked(quick, data, labels, method, tuple(overrides))
    experiments = experiments or asked.experiments()
    experiments = _as_begun(out, experiments, shipped)
    _check_own(out, experiments)
    if (out / PAGE).is_file() and (out / FILE).is_file() and _holds_export(out / "export"):
        return Demo(out / PAGE, latest(out / "export"), read_results(out / FILE), was_done=True)
    first = next(iter(experiments.values())).data
    sources = open_parts(first.name, size=first.size, **reading(first))
    for line in opening_lines(sources.values()):
        tell(line)
    if shipped:
        experiments = _fitting(experiments, sources["train"], tell)
    _begin(out, experiments)
    with _told_how_to_go_on(out, asked, tell), counts_told():
        runs = {label: _trained(experiment, out / label, tell) for label, experiment in experiments.items()}
        records = [record for run in runs.values() for record in _evaluated(run, sources, tell)]
        write_results(out / FILE, records)
        exported = _exported(next(iter(runs.values())), out / "export")
        page = write_page(out / PAGE, runs, records, sources)
    asked_of = tested_by(next(iter(experiments.values())).evaluation, sources)
    return Demo(page, exported, records, seconds=time.monotonic() - started, tested=asked_of)


def summary(done: Demo) -> Group:
    """The numbers that one asks for first and where the rest is, for a terminal; of a demo done before, one line."""
    if done.was_done:
        return Group(Text(f"{done.page.parent} holds a finished demo. Its report: {done.page}"))
    rows = headline(done.records, done.tested)
    labels = list(dict.fromkeys(label for row in rows for label in row.values))
    table = Table("", title="linear probes of frozen features, test accuracy in percent", title_justify="left")
    for label in labels:
        table.add_column(label, justify="right")
    table.add_column("to beat", justify="right")
    for row in rows:
        values = [f"{row.values[label]:.1f}" if label in row.values else "-" for label in labels]
        what = CHANCE if row.majority is None else MAJORITY
        table.add_row(row.text, *values, next((f"{level:.1f} ({what})" for level in row.levels.values()), "-"))
    places = {"report": done.page, "export": done.export, "results": done.page.with_name(FILE)}
    lines = [f"{f'{what}:':8} {place}" for what, place in places.items()]
    return Group(
        screen(done.records, guessing(done.records), tested=done.tested),
        table,
        Text("\n".join([*lines, f"in {done.seconds / 60:.1f} minutes"])),
    )


def _fitting(experiments: Mapping[str, Experiment], source: Source, tell: Tell) -> dict[str, Experiment]:
    """The shipped experiments, with a smaller batch where there are few pictures; says so."""
    fitted = little.fitting(experiments, len(source), source.name)
    before, now = next(iter(experiments.values())), next(iter(fitted.values()))
    if now != before:
        tell(little.told(now, len(source), before.training.batch))
    return fitted


def _as_begun(out: Path, experiments: Mapping[str, Experiment], shipped: bool) -> dict[str, Experiment]:
    """The experiments with what a demo that was begun keeps: the rules by which its pictures were read and, of shipped
    ones, a batch that was lowered for them."""
    try:
        begun = {
            label: from_dict(told) for label, told in json.loads((out / BEGUN).read_text(encoding="utf-8")).items()
        }
        label = next(iter(experiments))
        if shipped and begun[label].training.batch != experiments[label].training.batch:
            experiments = little.with_batch(experiments, begun[label].training.batch)
        return {label: config.as_begun(begun[label], now) for label, now in experiments.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UserError):
        return dict(experiments)  # there is none, or it cannot be gone on with


def _check_own(out: Path, experiments: Mapping[str, Experiment]) -> None:
    """Raises a `UserError` unless the folder is free, or that of a demo of these very experiments."""
    if (out / BEGUN).is_file():
        changed = _changed(out / BEGUN, experiments)
        if changed:
            raise UserError(
                f"{out} holds a demo that was begun otherwise ({changed}). Give it the options that it was begun "
                "with, or choose another --out."
            )
    elif out.exists() and (not out.is_dir() or not all(map(is_temporary, out.iterdir()))):
        raise UserError(f"{out} exists and is not empty. Choose another --out, or remove it: a demo starts afresh.")


def _changed(path: Path, experiments: Mapping[str, Experiment]) -> str:
    """In which fields the configs of a demo are others than those it was begun with; "" where in none."""
    try:
        begun = {label: from_dict(told) for label, told in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError, UserError):
        return f"{path.name} cannot be read by this version"
    if list(begun) != list(experiments):
        return f"runs: {', '.join(begun)}"
    return ", ".join(
        dict.fromkeys(
            field
            for label in begun
            for field in config.difference(begun[label], experiments[label])
            if field != "about"
        )
    )


def _begin(out: Path, experiments: Mapping[str, Experiment]) -> None:
    if not (out / BEGUN).is_file():
        with writing(out):
            out.mkdir(parents=True, exist_ok=True)
        configs = {label: config.to_dict(experiment) for label, experiment in experiments.items()}
        write_atomically(out / BEGUN, json.dumps(configs, indent=2) + "\n")


@contextmanager
def _told_how_to_go_on(out: Path, asked: Asked, tell: Tell) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        tell(f"The demo goes on with: looc demo --out {typed(out)}{asked.options()}")
        raise


def _trained(experiment: Experiment, path: Path, tell: Tell) -> Run:
    """The run of a training that is begun, gone on with or, where it is done, left as it is."""
    begun = (path / "config.yaml").is_file()
    if begun and any((path / "checkpoints").glob("*.index")):
        run = load_run(path)
        if run.step == run.steps:
            return run
    tell(f"{experiment.name}: {'going on with' if begun else 'training into'} {path}")
    train(experiment, path, resume=begun)
    return load_run(path)


def _evaluated(run: Run, sources: Mapping[str, Source], tell: Tell) -> list[dict[str, Any]]:
    """The records of a run: those that it holds where they are of these pictures and this step."""
    wanted = provenance(run, sources, run.experiment.evaluation)
    if (run.path / FILE).is_file():
        records = read_results(run.path / FILE)
        found = {(known.pictures_sha256, known.checkpoint, known.step) for known in map(Provenance.of, records)}
        if found == {(wanted.pictures_sha256, wanted.checkpoint, wanted.step)}:
            return records
    tell(f"{run.experiment.name}: probing what each representation has kept")
    done = evaluate_run(run, sources=sources, page=False)
    for note in done.notes:
        tell(f"{run.experiment.name}: {note}")
    return done.records


def _exported(run: Run, out: Path) -> Path:
    there = latest(out) if _holds_export(out) else None
    if there is not None and there.stat().st_mtime >= (run.path / "run.json").stat().st_mtime:
        return there
    return export_run(run, out)  # also where the one that is there is of a training before this one


def _holds_export(out: Path) -> bool:
    return any(out.glob("*/saved_model.pb"))
