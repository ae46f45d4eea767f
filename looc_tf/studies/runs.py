"""The trainings of a study: found again by config, seed, pictures and code, or made, several at a time."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import looc_tf
from looc_tf import config
from looc_tf.config import Experiment, training_id
from looc_tf.errors import UserError
from looc_tf.files import typed, write_atomically
from looc_tf.results import read_results
from looc_tf.results.records import FILE, Record
from looc_tf.run.about import commit

POLL = 0.5  # seconds
HELD, PATIENCE = "being trained by another process", 60.0  # seconds
Tell = Callable[[str], None]


@dataclass
class Job:
    """A training and what is to be read from it.

    Attributes:
        path: its run folder.
        experiment: what is trained.
        evaluations: names of what is read, as `evaluation.probes` has them.
    """

    path: Path
    experiment: Experiment
    evaluations: tuple[str, ...]
    process: Optional[subprocess.Popen[bytes]] = field(default=None, repr=False)
    waited: float = 0.0  # seconds, for another process to leave the run

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def log(self) -> Path:
        return self.path.with_name(f"{self.path.name}.log")

    def records(self) -> list[Record]:
        """What was read from the training's last step; nothing where that is not all that is asked for."""
        path, last = self.path / FILE, self.steps_of_run()
        found: list[Record] = [*read_results(path)] if path.is_file() and last is not None else []
        current = all(record.get("step") == last for record in found)
        return found if current and self.asked() >= set(self.evaluations) else []

    def steps_of_run(self) -> int | None:
        """How many steps the training has, None before it began."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return int(json.loads((self.path / "run.json").read_text(encoding="utf-8"))["steps"])
        return None

    def step(self) -> int:
        """How far the training is, by its history."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self.path / "history.csv").read_text(encoding="utf-8").splitlines()[-1].partition(",")[0])
        return 0

    def is_trained(self) -> bool:
        return self.step() == self.steps_of_run() and any((self.path / "checkpoints").glob("*.index"))

    def asked(self) -> set[str]:
        """What was asked for, whether or not these pictures could answer it."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return set(json.loads((self.path / "evaluated.json").read_text(encoding="utf-8"))["asked"])
        return set()


def job_of(folder: Path, experiment: Experiment, evaluations: Sequence[str], any_code: bool = False) -> Job:
    """The job of an experiment: over the run of it that `folder` holds, or over a new one.

    A run counts as that of an experiment where their `training_id`, seed and pictures are the same, and the code that
    trained it is this one, unless `any_code`.
    """
    last = experiment.name.rpartition("/")[2]
    tail = f"{training_id(experiment)}-seed{experiment.seed}"
    for path in sorted(folder.glob(f"*-{tail}*")):
        found = _about(path)
        if found is not None and (any_code or found == code()):
            return Job(path, experiment, tuple(evaluations))
    path = folder / f"{last}-{tail}"
    if _about(path):  # of other code
        path = folder / f"{last}-{tail}-{code()[1] or code()[0]}"
    return Job(path, experiment, tuple(evaluations))


@functools.cache
def code() -> tuple[str, str | None]:
    """Version and commit of this code."""
    return looc_tf.__version__, commit()


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make(jobs: Sequence[Job], at_once: int, threads: int, tell: Tell, show: Callable[[str, int, int], None]) -> None:
    """Trains and reads what is not there yet.

    Args:
        jobs: of different folders.
        at_once: how many run side by side, each in a process of its own.
        threads: of each.
        tell: is given a line where a job begins and ends.
        show: is given (what, done, total) in steps, several times a second.

    Raises:
        UserError: a job failed; the others are stopped, saved, and go on when this is called again.
    """
    waiting = [job for job in jobs if not job.records()]
    running: list[Job] = []
    total = sum(_steps(job) for job in waiting)
    with _stopping(running):
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.pop(0)
                tell(f"{job.name}: {'reading' if job.is_trained() else 'training'}")
                running.append(_started(job, threads))
            time.sleep(POLL)
            for job in [job for job in running if job.process and job.process.poll() is not None]:
                running.remove(job)
                _ended(job, threads, running)
                if job not in running:
                    tell(f"{job.name}: done, {len(waiting) + len(running)} left")
            left = sum(_steps(job) for job in waiting) + sum(max(0, _steps(job) - job.step()) for job in running)
            show("training", total - left, total)


def _steps(job: Job) -> int:
    return job.steps_of_run() or job.experiment.training.steps or 1


def _started(job: Job, threads: int) -> Job:
    """The job with its next command: training where steps are missing, else reading."""
    with job.log.open("ab") as log:
        job.process = subprocess.Popen(
            [sys.executable, "-m", "looc_tf.cli", *_command(job), "--threads", str(threads)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is told to them once, by us
            env={**os.environ, "LOOC_PARENT": str(os.getpid())},  # nor do they outlive us if we are killed
        )
    return job


def _command(job: Job) -> list[str]:
    if job.is_trained():
        asked = sorted({*job.evaluations, *job.asked()})  # what another study asked for stays
        return ["evaluate", str(job.path), *(word for name in asked for word in ("--probe", name))]
    file = job.path.with_name(f"{job.path.name}.yaml")
    write_atomically(file, config.to_yaml(job.experiment))
    begun = (job.path / "config.yaml").is_file()
    return ["train", str(file), "--out", str(job.path), *["--resume"] * begun]


def _ended(job: Job, threads: int, running: list[Job]) -> None:
    """Goes on with a job whose command ended: from training to reading; raises where it failed."""
    assert job.process is not None
    said = job.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if job.process.returncode and said and HELD in said[-1] and job.waited < PATIENCE:
        time.sleep(1.0)  # what a killed call of ours left behind is saving
        job.waited += 1.0
    elif job.process.returncode:
        last = said[-1].removeprefix("looc: error: ") if said else "without a word."
        raise UserError(f"{job.name} failed: {last} Its log: {typed(job.log)}")
    elif job.records():
        return
    elif not job.is_trained():
        raise UserError(f"{job.name} ended before its last step. Its log: {typed(job.log)}")
    running.append(_started(job, threads))


@contextlib.contextmanager
def _stopping(running: list[Job]) -> Iterator[None]:
    """However the block ends, no process outlives it: each is asked to save what it has."""
    try:
        yield
    finally:
        for job in running:
            if job.process and job.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(job.process.pid, signal.SIGTERM)
        for job in running:
            if job.process:
                job.process.wait()


def _about(path: Path) -> tuple[Any, Any] | None:
    """Version and commit of the code that trained a run; None where it has not begun."""
    try:
        about = json.loads((path / "run.json").read_text(encoding="utf-8"))
        return about["version"], about["commit"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
