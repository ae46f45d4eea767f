"""The folder of a run: whose it is, what it says about itself, what its log holds.

RUN/config.yaml      the whole config, defaults included
RUN/run.json         version, commit, seed, command, machine, pictures
RUN/train.log        what the run said
RUN/history.csv      a row of measures every `training.log_every` steps; RUN/logs/ holds the same for TensorBoard
RUN/checkpoints/     all state
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

import looc_tf
from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.data import Source, summary
from looc_tf.errors import UserError
from looc_tf.files import write_atomically, writing

log = logging.getLogger(__name__)


def claim(out: Path, experiment: Experiment, resume: bool) -> None:
    """Sees that the run folder can become this experiment's own or, resuming, already is; writes nothing yet."""
    if resume:
        _same_config(out, experiment)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        resumable = "go on with --resume, or " if (out / "config.yaml").is_file() else ""
        raise UserError(f"{out} exists and is not empty: {resumable}choose another --out.")
    nearest = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UserError(f"Expected a folder for the run. {nearest} is not one you may write to. Choose another --out.")


def _same_config(out: Path, experiment: Experiment) -> None:
    if not (out / "config.yaml").is_file():
        raise UserError(f"Nothing to resume: {out} is not a run folder. Leave out --resume to start one.")
    begun = config.load(out / "config.yaml")
    changed = config.difference(*(dataclasses.replace(one, about="") for one in (begun, experiment)))
    if changed:
        told = "; ".join(f"{field} was {_at(begun, field)}, is {_at(experiment, field)}" for field in changed)
        raise UserError(
            f"{out} was trained with another config: {told}. "
            f"Choose another --out, or resume with {out / 'config.yaml'}."
        )


def _at(experiment: Experiment, field: str) -> Any:
    """The value of a dotted field, `(absent)` where there is none."""
    value: Any = config.to_dict(experiment)
    for part in field.split("."):
        key = int(part) if isinstance(value, list) else part
        if isinstance(value, dict) and key not in value:
            return "(absent)"
        value = value[key]
    return value


def describe(out: Path, experiment: Experiment, source: Source, steps: int) -> None:
    """Makes the folder and writes what the run is made of: config.yaml and run.json."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    about = {
        "version": looc_tf.__version__,
        "commit": commit(),
        "seed": experiment.seed,
        "steps": steps,
        "classes": len(source.fields.get("label", ())),
        "pictures": len(source),
        "skipped": len(source.skipped),
        "command": sys.argv,
        "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "machine": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "devices": [device.name for device in tf.config.list_logical_devices()],
    }
    write_atomically(out / "run.json", json.dumps(about, indent=2) + "\n")
    write_atomically(out / "config.yaml", config.to_yaml(experiment))  # last: what makes the folder a run


def read_about(out: Path) -> dict[str, Any]:
    """What run.json says; `UserError` where it is missing or broken."""
    try:
        about = json.loads((out / "run.json").read_text(encoding="utf-8"))
        return {**about, "steps": int(about["steps"]), "classes": int(about["classes"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"Expected {out / 'run.json'} as training wrote it, with `steps` and `classes`. "
            f"It cannot be used ({type(error).__name__}: {error}). Restore it, or train again."
        ) from error


def commit() -> str | None:
    """The git commit of the code, with `-dirty` when it was changed since; None outside of a checkout."""
    package = Path(__file__).parent
    if not (package.parent / ".git").exists():  # installed: a repository further up is somebody else's
        return None
    command = ["git", "-C", str(package), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def resume_command(out: Path) -> str:
    """What to type to go on with a run."""
    return f"looc train {out / 'config.yaml'} --out {out} --resume"


def introduce(experiment: Experiment, out: Path, start: int, steps: int) -> None:
    """The first lines of a run's log: version, commit, the whole config."""
    log.info("looc %s, commit %s, TensorFlow %s", looc_tf.__version__, commit() or "unknown", tf.__version__)
    log.info("%s: steps %d to %d into %s", experiment.name, start, steps, out)
    log.debug("%s", config.to_yaml(experiment).rstrip())


def tell_skipped(source: Source, told: int = 0) -> int:
    """Names the broken pictures once there are more than were `told` of; returns how many there are."""
    if len(source.skipped) > told:
        log.warning("%s", summary(source.skipped))
    return len(source.skipped)


class _Standard(logging.StreamHandler):
    """Lines to whatever `sys.stderr` is now: a progress bar puts itself in its place."""

    def __init__(self, level: int):
        logging.Handler.__init__(self, level)

    @property
    def stream(self) -> Any:
        return sys.stderr

    def format(self, record: logging.LogRecord) -> str:
        marked = "looc: warning: " if record.levelno >= logging.WARNING else ""
        return marked + super().format(record)


def on_terminal() -> bool:
    """Whether standard error shows a progress bar; if not it gets plain lines, never control characters."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def logging_to(out: Path) -> Iterator[None]:
    """For the length of a run, what the library logs goes to RUN/train.log and to standard error.

    On a terminal, where a bar shows how it goes, the lines of each step and the config go to the file alone.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(out / "train.log", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handlers = [file, _Standard(logging.INFO if on_terminal() else logging.DEBUG)]
    logger = logging.getLogger("looc_tf")
    level, propagate = logger.level, logger.propagate
    for handler in handlers:
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # a handler of the root logger, such as absl's, would print every line again
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.propagate = propagate
        for handler in handlers:
            logger.removeHandler(handler)
        file.close()
