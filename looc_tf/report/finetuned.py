"""A fine-tuned run, measured: how well it names the classes of pictures that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from looc_tf.data import Source, open_parts
from looc_tf.evaluate import majority
from looc_tf.report.runs import Evaluated, evaluate_run
from looc_tf.run import load_run, read_about


class Finetuned(NamedTuple):
    """What `looc finetune` has to show: the results in the run's folder, and one line for people."""

    evaluated: Evaluated
    says: str


def measure_finetuned(run: str | Path) -> Finetuned:
    """Asks the classifier of a fine-tuned run for the test and the validation part; writes results.json into it."""
    opened = load_run(run)
    data = opened.experiment.data
    sources = open_parts(data.name, size=data.size)
    done = evaluate_run(opened, sources=sources, probes=False)
    return Finetuned(done, _line(done, sources, read_about(opened.path)["pictures"]))


def _line(done: Evaluated, sources: Mapping[str, Source], labels: int) -> str:
    values = {record["probe"]: record["value"] for record in done.records}
    held_out = done.validation.get("object", math.nan)
    validation = "" if math.isnan(held_out) else f"validation {held_out:.1f} %, "
    guessing = majority(*(sources[part].labels["label"] for part in ("train", "test")))
    return (
        f"{labels:,} labels: {validation}test {values['object']:.1f} %, balanced over the classes "
        f"{values['balanced']:.1f} % (chance {done.chance['object']:.1f} %, always the most frequent class "
        f"{guessing:.1f} %)"
    )
