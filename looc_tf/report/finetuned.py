"""A fine-tuned run, measured: how well it names the classes of pictures that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from looc_tf.evaluate import Reading
from looc_tf.report.runs import Evaluated, evaluate_run
from looc_tf.results.certainty import FEW, many_pictures, wilson
from looc_tf.run import read_about


class Finetuned(NamedTuple):
    """What `looc finetune` has to show: the results in the run's folder, and one line for people."""

    evaluated: Evaluated
    says: str


def measure_finetuned(run: str | Path) -> Finetuned:
    """Asks the classifier of a fine-tuned run for the test and the validation part; writes results.json into it."""
    done = evaluate_run(run, probes=False)
    labels = f"{read_about(Path(run))['pictures']:,} labels"
    return Finetuned(done, f"{labels}: {_line(*done.readings)}" if done.readings else labels)


def _line(reading: Reading) -> str:
    validation = f"validation {reading.validation:.1f} %, " if reading.rows.get("validation") else ""
    count = reading.rows["test"]
    low, high = wilson(reading.value, count)
    interval = f" (95 % interval of the first {low:.1f} to {high:.1f})" if count < FEW else ""
    return (
        f"{validation}test {reading.value:.1f} %, balanced over the classes {reading.balanced:.1f} % "
        f"(chance {reading.chance:.1f} %, always the most frequent class {reading.majority:.1f} %), "
        f"of {many_pictures(count)}{interval}"
    )
