"""Training, read top to bottom: pictures, views, method, checkpoints, fit."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import tensorflow as tf

from looc_tf import config, distribute, methods, optim
from looc_tf.augment import build_chain
from looc_tf.batches import batches
from looc_tf.callbacks import standard_callbacks
from looc_tf.checkpoints import CheckpointFolder, begin_with
from looc_tf.config import Experiment
from looc_tf.data import Source, open_source
from looc_tf.errors import UserError
from looc_tf.files import remove_temporaries
from looc_tf.methods import Method
from looc_tf.run_folder import (
    claim,
    describe,
    introduce,
    read_about,
    resume_command,
    same_pictures,
    take_over,
    tell_skipped,
)
from looc_tf.run_log import logging_to
from looc_tf.views import ViewPlan, leave_one_out

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run on disk, with its trained method.

    Attributes:
        path: the run folder.
        experiment: its config.
        method: with the weights of a checkpoint, by default the newest.
        step: of that checkpoint.
        steps: of the whole training.
    """

    path: Path
    experiment: Experiment
    method: Method
    step: int
    steps: int


def train(experiment: Experiment, out: str | Path, resume: bool = False, warm: str | Path | None = None) -> Path:
    """Train an experiment into the run folder `out` and return it.

    With one seed, one machine and one number of threads two runs give the same weights to the bit, however often one of
    them was stopped and resumed. It trains on the devices of `distribute.strategy`; of several machines the chief alone
    writes `out`, and all of them read it to resume.

    Args:
        experiment: the config.
        out: a folder that does not exist yet; with `resume`, one that an interrupted run of this config left.
        resume: go on from the last checkpoint; a run that is done is left as it is.
        warm: another run, whose encoders this one begins with; its queues and its optimizer begin anew.

    Raises:
        UserError: the folder exists (or, resuming, belongs to another config), pictures are missing or too few, the
            loss is not finite, the disk is full, or the other run's network is not of this one's shape.
        SystemExit: with 130 or 143, after Ctrl-C or SIGTERM, once all state is saved.

    Example:
        >>> train(config.load("factors/looc", ["training.steps=100"]), "runs/look")       # doctest: +SKIP
        PosixPath('runs/look')
    """
    with distribute.strategy().scope():
        _check_devices(experiment)
        with distribute.chiefs(Path(out)) as own:
            if own == Path(out) or resume:
                claim(Path(out), experiment, resume)
            _train(experiment, Path(out), own, resume, warm)
    return Path(out)


def _train(experiment: Experiment, out: Path, own: Path, resume: bool, warm: str | Path | None) -> None:
    """Trains into `own`, going on from what is in `out`; on the chief they are one."""
    source = open_source(experiment.data.name, "train", size=experiment.data.size, limit=experiment.data.limit)
    steps = total_steps(experiment, len(source))
    plan = build_plan(experiment)
    method = compiled(experiment, len(source.fields.get("label", ())), steps)
    folder = CheckpointFolder(own / "checkpoints", method, experiment, experiment.training.keep)
    begun = folder if own == out else CheckpointFolder(out / "checkpoints", method, experiment)
    with logging_to(own):
        if own == out:
            claim(out, experiment, resume)  # again: from here on no other process can
            remove_temporaries(out)
        if resume:
            same_pictures(out, source)
        if resume and own == out:
            take_over(out, experiment)
        else:
            describe(own, experiment, source, steps)
        folder.sweep()
        start = (begun.restore() or 0) if resume else 0
        _check_start(start, out)
        if warm and not start:
            begin_with(method, Path(warm) / "checkpoints")
        introduce(experiment, out, start, steps)
        told = tell_skipped(source)
        if start < steps:
            callbacks = standard_callbacks(experiment, own, folder, source, start=start, steps=steps)
            _fit(method, _batches(experiment, source, plan, start, steps), steps - start, callbacks)
        elif not folder.steps():
            folder.save(0)  # no steps: random weights, the baseline of every probe
        tell_skipped(source, told)
        log.info("Done: %d steps in %s", steps, out)


def _check_devices(experiment: Experiment) -> None:
    if experiment.method.key_batch_norm == "shuffled" and distribute.replicas() == 1:
        raise UserError(
            "method.key_batch_norm 'shuffled' puts keys on other devices than their queries, and there is one device. "
            "Set it to 'auto' or 'split', or train on more: --devices 2."
        )
    if experiment.training.xla and distribute.replicas() > 1:
        raise UserError(
            f"training.xla compiles the step of one device. Received {distribute.replicas()} devices; set it to false."
        )
    if experiment.training.xla and not tf.config.list_physical_devices("GPU"):
        log.warning("training.xla is meant for GPUs: on a CPU the first step is compiled for long, and all are slower.")


def _check_start(start: int, out: Path) -> None:
    starts = distribute.of_all(start)
    if len(set(starts)) > 1:
        raise UserError(
            f"The machines would go on from steps {', '.join(map(str, starts))}: not all of them see {out}. "
            "Put the run folder on storage that they share."
        )


def _batches(experiment: Experiment, source: Source, plan: ViewPlan, start: int, steps: int) -> tf.data.Dataset:
    shuffled = experiment.method.key_batch_norm != "plain"
    size, seed = experiment.training.batch, experiment.seed
    return batches(source, plan, batch=size, seed=seed, start=start, steps=steps, shuffled=shuffled)


def load_run(path: str | Path, checkpoint: str = "last") -> Run:
    """The experiment of a run folder and its method with the weights of a checkpoint.

    Args:
        path: the run folder.
        checkpoint: "last" for the newest sound one, "best" for the one of the highest kNN reading, or a step.

    Raises:
        UserError: the folder is not a run, is damaged, or does not hold that checkpoint.
    """
    path = Path(path)
    if not (path / "config.yaml").is_file():
        raise UserError(
            f"Expected the folder of a run, with a config.yaml. Received {path}. "
            f"Train one: looc train CONFIG --out {path}"
        )
    experiment, about = config.load(path / "config.yaml"), read_about(path)
    method = compiled(experiment, about["classes"], about["steps"])
    step = CheckpointFolder(path / "checkpoints", method, experiment).restore(checkpoint)
    if step is None:
        raise UserError(f"{path} holds no checkpoint yet. Go on with: {resume_command(path)}")
    return Run(path, experiment, method, step, about["steps"])


def build_plan(experiment: Experiment) -> ViewPlan:
    """The views of an experiment: a query and one key per space."""
    chain = build_chain(experiment.views.chain, experiment.views.size)
    return leave_one_out(chain, experiment.method.spaces)


def total_steps(experiment: Experiment, pictures: int) -> int:
    """How many steps the training takes on so many pictures."""
    training = experiment.training
    if pictures < training.batch:
        raise UserError(
            f"training.batch is {training.batch}, and {experiment.data.name!r} has {pictures} training "
            f"picture{'s' if pictures != 1 else ''}. Lower training.batch, or give more pictures."
        )
    if training.steps is not None:
        return training.steps
    return max(1, round((training.epochs or 0) * (pictures // training.batch)))


def compiled(experiment: Experiment, classes: int, steps: int) -> Method:
    """The method of an experiment, fresh, with its optimizer for a training of so many steps."""
    method = methods.build(experiment, classes=classes)
    optimizer = optim.build(experiment.optimizer, steps, experiment.training.batch)
    method.compile(optimizer=optimizer, jit_compile=experiment.training.xla)
    return method


def _fit(method: Method, data: tf.data.Dataset, steps: int, callbacks: list) -> None:
    try:
        method.fit(distribute.deal(data), epochs=1, steps_per_epoch=steps, verbose=0, callbacks=callbacks)
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        if distribute.workers() == 1:
            raise
        raise UserError("Another machine of this training is gone. Start all of them again with --resume.") from error
    finally:  # Keras tells callbacks of the end only when all went well
        for callback in callbacks:
            callback.close()
