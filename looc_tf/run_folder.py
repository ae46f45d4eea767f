"""The folder of a run: whose it is, what it says about itself, what its log holds.

RUN/config.yaml      the whole config, defaults included
RUN/run.json         version, commit, seed, command, machine, pictures
RUN/train.log        what the run said
RUN/history.csv      a row of measures every `training.log_every` steps; RUN/logs/ holds the same for TensorBoard
RUN/checkpoints/     all state
"""

from __future__ import annotations

import datetime
import hashlib
import json
import logging
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import looc_tf
from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.data import Source, summary
from looc_tf.errors import UserError
from looc_tf.files import is_temporary, write_atomically, writing

log = logging.getLogger(__name__)


STARTING = ("run.json", "train.log")  # what a run that was killed before it had a config.yaml may leave


def claim(out: Path, experiment: Experiment, resume: bool) -> None:
    """Sees that the run folder can become this experiment's own or, resuming, already is; writes nothing yet."""
    if resume:
        _same_training(out, experiment)
    elif out.exists() and not _unused(out):
        resumable = "go on with --resume, or " if (out / "config.yaml").is_file() else ""
        raise UserError(f"{out} exists and is not empty: {resumable}choose another --out.")
    nearest = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise UserError(f"Expected a folder for the run. {nearest} is not one you may write to. Choose another --out.")


def _unused(out: Path) -> bool:
    return out.is_dir() and all(path.name in STARTING or is_temporary(path) for path in out.iterdir())


def _same_training(out: Path, experiment: Experiment) -> None:
    if not (out / "config.yaml").is_file():
        raise UserError(f"Nothing to resume: {out} is not a run folder. Leave out --resume to start one.")
    for path in out.rglob("*"):
        if path.is_symlink():  # somebody else's run folder could make the run write through it into any file
            raise UserError(f"{path} is a link. A run is resumed into its own folder: put the file itself there.")
    changed = config.told_difference(config.load(out / "config.yaml"), experiment)
    if changed:
        raise UserError(
            f"{out} was trained with another config: {changed}. "
            f"Choose another --out, or resume with {out / 'config.yaml'}."
        )


def same_pictures(out: Path, source: Source) -> None:
    """Sees that the run goes on with the pictures it had.

    Raises:
        UserError: there are other pictures now, by their names and labels.
    """
    about = read_about(out)
    known = about.get("pictures_sha256")  # versions before this wrote none
    if known not in (None, fingerprint(source)):
        raise UserError(
            f"{out} was trained on other pictures: {about.get('pictures')} then, {len(source)} now in {source.name!r}, "
            "and not the same by name and label. Put them back, or choose another --out."
        )


def take_over(out: Path, experiment: Experiment) -> None:
    """Writes into config.yaml what is free to change when a run is resumed."""
    if set(config.difference(config.load(out / "config.yaml"), experiment)) - {"about"}:
        write_atomically(out / "config.yaml", config.to_yaml(experiment))


def fingerprint(source: Source) -> str:
    """Of the names and labels of the pictures, in order: what decides which of them each step sees."""
    digest = hashlib.sha256("\0".join(source.ids).encode())
    for field, numbers in sorted(source.labels.items()):
        digest.update(field.encode() + np.asarray(numbers, "<i8").tobytes())
    return digest.hexdigest()


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
        "pictures_sha256": fingerprint(source),
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
