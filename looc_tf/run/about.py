"""RUN/run.json: what a run is made of."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import looc_tf
from looc_tf.config import Experiment
from looc_tf.data import Pixels, Source, census_of
from looc_tf.errors import UserError
from looc_tf.files import write_atomically
from looc_tf.methods import Facts


def write_about(
    out: Path,
    experiment: Experiment,
    source: Source,
    facts: Facts,
    warm: str | Path | None = None,
    weights: dict[str, Any] | None = None,
    own_source: bool = False,
) -> None:
    """Writes run.json: versions, command and machine, the pictures by number, name and hash, how many of their set are
    for what (`census`), the rule of their pixels, `warm`, the run whose weights this one began with, `weights`, what
    was taken of those that `model.weights` names, and whether the pictures were given as an open source."""
    census = census_of([source])
    about = {
        "version": looc_tf.__version__,
        "commit": commit(),
        "seed": experiment.seed,
        "steps": facts.steps,
        "classes": facts.classes,
        "class_names": list(facts.names),
        "pictures": facts.pictures,
        "pictures_sha256": fingerprint(source),
        "skipped": len(source.skipped),
        "census": census and census.as_dict(),
        "pixels": source.pixels.record(),
        "warm": None if warm is None else str(Path(warm).absolute()),
        "weights": weights,
        "own_source": own_source,
        "place": place_of(experiment.data.name),
        "command": sys.argv,
        "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "machine": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "devices": [device.name for device in tf.config.list_logical_devices()],
    }
    write_atomically(out / "run.json", json.dumps(about, indent=2) + "\n")


def place_of(data: str) -> str | None:
    """Where the folder or file of a config's pictures is, which may name it from where a command was started; None
    where it is the name of a set."""
    path = Path(data).expanduser()
    return str(path.absolute()) if path.exists() else None


def found_again(experiment: Experiment, out: Path) -> Experiment:
    """The experiment of a run with its pictures where the run read them, if from here its config names none."""
    place = read_about(out).get("place") if (out / "run.json").is_file() else None
    if not isinstance(place, str) or place_of(experiment.data.name) or not Path(place).exists():
        return experiment
    return dataclasses.replace(experiment, data=dataclasses.replace(experiment.data, name=place))


def read_about(out: Path) -> dict[str, Any]:
    """What run.json says; `UserError` where it is missing or broken."""
    try:
        about = json.loads((out / "run.json").read_text(encoding="utf-8"))
        numbers = {field: int(about[field]) for field in ("steps", "classes", "pictures")}
        if not all(0 <= number < 2**40 for number in numbers.values()):
            raise ValueError(f"numbers out of range: {numbers}")
        return {**about, **numbers}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"Expected {out / 'run.json'} as training wrote it, with `steps`, `classes` and `pictures`. "
            f"It cannot be used ({type(error).__name__}: {error}). Put back what training wrote."
        ) from error


def check_named_pictures(out: Path, data: object) -> None:
    """Raises a `UserError` where a run's own pictures are asked for, and were in memory alone."""
    if data is None and read_about(out).get("own_source"):
        raise UserError(
            f"{out} was trained on pictures that were given as an open source, which are in no file. Name pictures "
            "(--data PATH), or give open ones in Python: evaluate_run(..., sources=...), finetune(..., source=...)."
        )


def recorded_pixels(out: Path) -> Pixels:
    """By which rule the pictures of a run became 8 bits; the plain one in runs of earlier versions."""
    return Pixels.recorded(read_about(out).get("pixels"))


def fingerprint(source: Source) -> str:
    """Of the names and labels of the pictures, in order: what decides which of them each step sees."""
    digest = hashlib.sha256("\0".join(source.ids).encode())
    for field, numbers in sorted(source.labels.items()):
        digest.update(field.encode() + np.asarray(numbers, "<i8").tobytes())
    return digest.hexdigest()


def commit() -> str | None:
    """The git commit of the code, with `-dirty` when it was changed since; None outside of a checkout."""
    package = Path(looc_tf.__file__).parent
    if not (package.parent / ".git").exists():  # installed: a repository further up is somebody else's
        return None
    command = ["git", "-C", str(package), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
