"""Training, read top to bottom: pictures, views, method, fit, checkpoints."""

from __future__ import annotations

import dataclasses
import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

import looc_tf
from looc_tf import augment, config, methods, optim
from looc_tf.batches import batches
from looc_tf.callbacks import standard_callbacks
from looc_tf.config import Experiment
from looc_tf.data import Source, open_source
from looc_tf.errors import UserError
from looc_tf.methods import Method
from looc_tf.views import ViewPlan, leave_one_out


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run on disk, with its trained method."""

    path: Path
    experiment: Experiment
    method: Method
    step: int


def build_plan(experiment: Experiment) -> ViewPlan:
    """The views of an experiment: a query and one key per space."""
    chain = {name: augment.build(name, **_parameters(experiment, name, given)) for name, given in experiment.views.chain.items()}
    return leave_one_out(chain, experiment.method.spaces if experiment.method.name == "looc" else ())


def _parameters(experiment: Experiment, name: str, given: Mapping) -> dict:
    return {"size": experiment.views.size, **given} if name == "crop" else dict(given)


def total_steps(experiment: Experiment, pictures: int) -> int:
    """How many steps the training takes on so many pictures."""
    training = experiment.training
    return training.steps or round(training.epochs * (pictures // training.batch))


def checkpoint(method: Method) -> tf.train.Checkpoint:
    """All state of a training: encoders, queues, optimizer (which counts the steps) and running means."""
    method.optimizer.build(method.learned())
    return tf.train.Checkpoint(method=method, optimizer=method.optimizer)


def train(experiment: Experiment, out: str | Path, resume: bool = False) -> Path:
    """Train an experiment into the run folder `out` and return it.

    Args:
        experiment: the config.
        out: a folder that does not exist yet; with `resume`, one that an interrupted run of this config left.
        resume: go on from the last checkpoint.

    Raises:
        UserError: the folder exists (or, resuming, belongs to another config), pictures are missing or too few.
    """
    out = Path(out)
    _claim(out, experiment, resume)
    source = open_source(experiment.data.name, "train", size=experiment.data.size, limit=experiment.data.limit)
    steps = total_steps(experiment, len(source))
    plan = build_plan(experiment)
    method = methods.build(experiment, classes=len(source.fields.get("label", ())))
    method.compile(optimizer=optim.build(experiment.optimizer, steps))
    manager = tf.train.CheckpointManager(checkpoint(method), str(out / "checkpoints"), experiment.training.keep)
    if not resume:
        _describe(out, experiment, len(source.fields.get("label", ())), steps)
    start = _restore(manager, method) if resume else 0
    data = batches(source, plan, batch=experiment.training.batch, seed=experiment.seed, steps=steps, start=start)
    callbacks = standard_callbacks(experiment, out, manager, start=start, steps=steps)
    if start < steps:
        method.fit(data, epochs=1, verbose=0, callbacks=callbacks)
    return out


def load_run(path: str | Path) -> Run:
    """The experiment of a run folder and its method with the weights of the last checkpoint.

    Raises:
        UserError: the folder is not a run, or holds no checkpoint yet.
    """
    path = Path(path)
    if not (path / "config.yaml").is_file():
        raise UserError(f"Expected the folder of a run, with a config.yaml. Received {path}. Train one: looc train CONFIG --out {path}")
    experiment = config.load(path / "config.yaml")
    latest = tf.train.latest_checkpoint(str(path / "checkpoints"))
    if latest is None:
        raise UserError(f"{path} holds no checkpoint yet. Go on with: looc train {path / 'config.yaml'} --out {path} --resume")
    about = json.loads((path / "run.json").read_text())
    method = methods.build(experiment, classes=about["classes"])
    method.compile(optimizer=optim.build(experiment.optimizer, about["steps"]))
    checkpoint(method).restore(latest).assert_existing_objects_matched().expect_partial()
    return Run(path, experiment, method, int(method.optimizer.iterations))


def _claim(out: Path, experiment: Experiment, resume: bool) -> None:
    """Make the run folder this experiment's own, or see that it already is."""
    if resume:
        if not (out / "config.yaml").is_file():
            raise UserError(f"Nothing to resume: {out} is not a run folder. Leave out --resume to start one.")
        changed = config.difference(config.load(out / "config.yaml"), experiment)
        if changed:
            raise UserError(f"{out} was trained with another config; these differ: {'; '.join(changed)}. Choose another --out.")
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and is not empty. Choose another --out, or go on with --resume.")


def _describe(out: Path, experiment: Experiment, classes: int, steps: int) -> None:
    """Write what the run is made of: config.yaml and run.json."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.yaml").write_text(config.to_yaml(experiment))
    about = {
        "version": looc_tf.__version__,
        "commit": _commit(),
        "seed": experiment.seed,
        "steps": steps,
        "classes": classes,
        "command": sys.argv,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "machine": platform.platform(),
        "devices": [device.name for device in tf.config.list_logical_devices()],
    }
    (out / "run.json").write_text(json.dumps(about, indent=2) + "\n")


def _commit() -> str | None:
    """The git commit of the code, with a mark when it was changed since; None outside of a checkout."""
    here = Path(__file__).parent
    asked = subprocess.run(
        ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or None


def _restore(manager: tf.train.CheckpointManager, method: Method) -> int:
    """Load the last checkpoint, if there is one, and return the steps done."""
    if manager.latest_checkpoint:
        manager.checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    return int(method.optimizer.iterations)
