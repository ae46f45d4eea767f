"""What a study costs: encoder passes, time and storage, before it begins."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from looc_tf import methods
from looc_tf.config import Experiment
from looc_tf.data import read_table, table_reading
from looc_tf.data.splits import select
from looc_tf.errors import UserError
from looc_tf.methods.arithmetic import operations, with_heads
from looc_tf.studies.profile import LIMIT, profiled
from looc_tf.studies.runs import Job

KNOWN = {"imagenet100": 125_000}  # training pictures of sets that need not be here: ImageNet-100 has about so many
# What one NVIDIA A100 of 40 GB sustains in training a ResNet-50 at 224 px in batches of 256: 808 images/s in TF32, 13 %
# of its 156 TFLOP/s, and 1,770 images/s in mixed precision, 14 % of 312 (NVIDIA DeepLearningExamples, TensorFlow,
# ResNet-50 v1.5, readme of 2020), at 3 x 8.2 GFLOP an image.
GPU, UTILISED = "NVIDIA A100", {True: (0.13, 156e12), False: (0.14, 312e12)}  # whether in float32 -> share, peak
FLOAT = 4  # bytes
STATES = 3  # numbers that a checkpoint holds for each of the encoder's: its own, the slow copy's, the momentum's


@dataclass(frozen=True)
class Cost:
    """Of some trainings, as far as they are not done.

    Attributes:
        passes: views that are encoded.
        operations: floating-point operations; None where a network is not known.
        checkpoints: bytes.
        pictures: bytes of the training pictures as they are held, once.
    """

    passes: float
    operations: Optional[float]
    checkpoints: float
    pictures: float


def pictures_of(experiment: Experiment) -> Optional[int]:
    """How many training pictures there are, where they are here or the set is known; nothing is downloaded."""
    data = experiment.data
    known = KNOWN.get(Path(data.name).name)
    if not (data.name == "factors" or Path(data.name).expanduser().exists()):
        return known if data.limit is None or known is None else min(known, data.limit)
    try:
        table = read_table(data.name, **table_reading(data))
        return len(select(table, "train", data.name, data.limit).ids)
    except UserError:
        return known


def steps_of(experiment: Experiment, pictures: Optional[int]) -> Optional[int]:
    """Of a whole training; None where it is given in epochs of nobody knows how many pictures."""
    training = experiment.training
    if training.steps is not None or pictures is None:
        return training.steps
    return max(1, round((training.epochs or 0) * (pictures // training.batch)))


def cost_of(jobs: Sequence[Job], pictures: Optional[int]) -> Optional[Cost]:
    """Of what is left of some trainings; None where their length is not known."""
    passes, work, stored = 0.0, 0.0, 0.0
    known = True
    for job in jobs:
        experiment = job.experiment
        steps = job.steps_of_run() or steps_of(experiment, pictures)
        if steps is None:
            return None
        seen = max(0, steps - job.step()) * experiment.training.batch
        passes += seen * methods.forwards(experiment)
        each = operations(experiment)
        known &= each is not None
        work += seen * (each or 0)
        stored += (experiment.training.keep + 1) * FLOAT * STATES * (with_heads(experiment) or 0)
    data = jobs[0].experiment.data if jobs else None
    held = (pictures or 0) * data.size**2 * data.channels if data else 0
    return Cost(passes, work if known else None, stored, held)


def cost_lines(jobs: Sequence[Job], at_once: int, profile: bool) -> Iterator[str]:
    """What is missing, in passes, time and storage, a line each.

    Args:
        jobs: all trainings of some studies.
        at_once: how many run side by side.
        profile: whether to time a step where no training has been timed yet, and to say what a GPU would take.
    """
    missing = [job for job in jobs if not job.is_trained()]
    if not missing:
        return
    first = missing[0].experiment
    pictures = pictures_of(first)
    cost = cost_of(missing, pictures)
    if cost is None:
        yield f"cost: not known: {first.data.name} is not here, and trainings are given in epochs. Give --data."
        return
    counted = f" on {pictures:,} training pictures" if pictures else ""
    held = f", {_bytes(cost.pictures)} of pictures as they are held" if pictures else ""
    stored = f"{_bytes(cost.checkpoints)} of checkpoints{held}"
    yield f"cost: {_big(cost.passes)} encoder passes{counted}, {stored}; evaluations come on top"
    if cost.operations is None:
        return
    rate = measured_rate(jobs, pictures)
    if rate is not None:
        yield f"left: about {_time(cost.operations * rate / at_once)} here, at the rate of the trainings so far"
    elif profile:
        yield _profiled(first, cost.operations)
    if profile:
        share, peak = UTILISED[first.training.precision == "float32"]
        hours = cost.operations / (share * peak) / 3600
        speed = f"{100 * share:.0f} % of its {peak / 1e12:.0f} TFLOP/s"
        yield f"one {GPU}: about {hours:,.0f} GPU hours, counted, at {speed}"


def _profiled(experiment: Experiment, work: float) -> str:
    found, each = profiled(experiment), operations(experiment)
    if found is None or not each:
        return f"here: not known, since no step of {experiment.name} was done within {LIMIT:.0f} seconds"
    return f"here: about {_time(work * found.seconds / each)}, by a step of {experiment.name}: {found}"


def measured_rate(jobs: Sequence[Job], pictures: Optional[int]) -> Optional[float]:
    """Seconds that an operation took in the trainings so far, by the clock of their logs; None where there are none."""
    seconds = work = 0.0
    for job in jobs:
        paces = list(_paces(job.path / "train.log"))
        each, steps = operations(job.experiment), job.steps_of_run() or steps_of(job.experiment, pictures)
        if paces and each and steps:
            seconds += statistics.median(paces) * steps
            work += each * job.experiment.training.batch * steps
    return seconds / work if work else None


def _paces(log: Path) -> Iterator[float]:
    """Seconds of a step, between each two lines of a log that tell of one; the median forgets pauses."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    before: Optional[tuple[datetime.datetime, int]] = None
    for line in lines:
        when, _, said = line.partition(" DEBUG step ")
        if not said:
            continue
        try:
            now = datetime.datetime.strptime(when, "%Y-%m-%d %H:%M:%S,%f"), int(said.partition("/")[0])
        except ValueError:
            continue
        if before and now[1] > before[1]:
            yield (now[0] - before[0]).total_seconds() / (now[1] - before[1])
        before = now


def _big(number: float) -> str:
    for unit, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if number >= unit:
            return f"{number / unit:,.1f} {word}"
    return f"{number:,.0f}"


def _bytes(number: float) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e8 else f"{number / 1e6:,.0f} MB"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} hours" if seconds >= 7200 else f"{max(1, round(seconds / 60)):,} minutes"
