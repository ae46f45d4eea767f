"""The demo: LooC and MoCo with the same augmentations and as many encoder forwards, side by side on one page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from looc_tf.config import Experiment
from looc_tf.data import open_parts
from looc_tf.errors import UserError
from looc_tf.evaluate import write_results
from looc_tf.experiments import load
from looc_tf.report.headline import headline
from looc_tf.report.page import write_page
from looc_tf.report.runs import evaluate_run, export_run
from looc_tf.training import train

CONFIGS = {"looc": "factors/looc", "moco": "factors/moco"}
# A look in two minutes: a fifth of the steps for both, and probes of fewer pictures.
QUICK = {"looc": ("training.steps=150",), "moco": ("training.steps=300",)}
QUICK_PROBES = (
    "evaluation.limit=1000",
    "evaluation.strengths=[0.1]",
    "evaluation.neighbors=[20]",
    "training.monitor_every=0",
)

console = Console(stderr=True)


def demo(out: str | Path, quick: bool = False, data: str | None = None) -> Path:
    """Train, evaluate, export and report; everything is written into `out`, which must not hold anything yet.

    Args:
        out: the folder.
        quick: a look in about two minutes, with worse numbers.
        data: a folder of pictures instead of the generated set.

    Returns:
        The path of report.html.
    """
    out, started = Path(out), time.monotonic()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not empty. Choose another --out, or remove it: a demo starts afresh.")
    experiments = {label: _experiment(label, quick, data) for label in CONFIGS}
    data_of = experiments["looc"].data
    sources = open_parts(data_of.name, size=data_of.size)
    records = []
    for label, experiment in experiments.items():
        console.rule(f"[bold]{experiment.name}[/] ({experiment.training.steps:,} steps)")
        train(experiment, out / label)
        records += evaluate_run(out / label, sources=sources)
    write_results(out / "results.json", records)
    exported = export_run(out / "looc", out / "export")
    page = write_page(out / "report.html", {label: out / label for label in CONFIGS}, records, sources)
    _print_summary(records, page, exported, time.monotonic() - started)
    return page


def _experiment(label: str, quick: bool, data: str | None) -> Experiment:
    return load(CONFIGS[label], QUICK[label] + QUICK_PROBES if quick else (), data=data)


def _print_summary(records: Sequence[dict], page: Path, exported: Path, seconds: float) -> None:
    table = Table(title="linear probes of frozen features, test accuracy in percent", title_justify="left")
    table.add_column("")
    for label in CONFIGS:
        table.add_column(label, justify="right")
    for row in headline(records):
        table.add_row(row.text, *(f"{row.values[label]:.1f}" if label in row.values else "-" for label in CONFIGS))
    out = Console()
    out.print(table)
    out.print(
        f"report:  {page}\nexport:  {exported}\nresults: {page.parent / 'results.json'}",
        highlight=False,
        soft_wrap=True,
    )
    out.print(f"in {seconds / 60:.1f} minutes", highlight=False)
