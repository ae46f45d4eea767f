"""Training, read top to bottom: the config checked, the run entered, pictures, method, state, batches, fit."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from looc_tf import distribute, experiments, methods
from looc_tf.config import Experiment
from looc_tf.data import open_source, reading
from looc_tf.errors import UserError
from looc_tf.methods import Facts, Method
from looc_tf.run import RunFolder, as_begun, compiled
from looc_tf.training.callbacks import StepCallback, standard_callbacks
from looc_tf.views import training_batches

log = logging.getLogger(__name__)


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
        >>> train(load_config("factors/looc", ["training.steps=100"]), "runs/look")       # doctest: +SKIP
        PosixPath('runs/look')
    """
    experiment = as_begun(experiment, out) if resume else experiment
    with distribute.strategy().scope(), RunFolder(out, experiment, resume) as run:
        experiments.check(experiment, distribute.replicas())
        data, training = experiment.data, experiment.training
        whole = open_source(data.name, "train", size=data.size, limit=data.limit, **reading(data))
        source = methods.pictures_of(experiment, whole)
        facts = Facts.of(experiment, source)
        method = compiled(experiment, facts)
        start = run.begin(method, source, facts, warm)
        if len(source) < len(whole) or method.class_names:
            used = f"{len(source):,} of {len(whole):,}"
            log.info("Training on %s pictures, with labels of %d classes", used, facts.classes)
        if training.xla and not tf.config.list_physical_devices("GPU"):
            log.warning("training.xla is meant for GPUs: a CPU compiles the first step for long, and all are slower.")
        if start < facts.steps:
            batches = training_batches(
                source,
                methods.build_plan(experiment),
                batch=training.batch,
                steps=facts.steps,
                seed=experiment.seed,
                start=start,
                parameters=method.reads_parameters,
            )
            fit(method, batches, facts.steps - start, standard_callbacks(run, source, facts))
        run.end(source, facts)
    return Path(out)


@contextlib.contextmanager
def _callbacks_may_take_their_time() -> Iterator[None]:
    """Keeps Keras's advice "Callback method `on_train_batch_end` is slow ..." off the log, and nothing else.

    It compares means over the first five steps. A measure or a checkpoint among them is slower than a small step, by
    design, and there is nothing for the user to check.
    """
    logger = logging.getLogger("tensorflow")  # where Keras logs

    def others(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Callback method `on_train_batch_")

    logger.addFilter(others)
    try:
        yield
    finally:
        logger.removeFilter(others)


def fit(method: Method, batches: tf.data.Dataset, steps: int, callbacks: list[StepCallback]) -> None:
    """Takes so many steps; the callbacks are closed however it ends."""
    try:
        with _callbacks_may_take_their_time():
            method.fit(
                distribute.shard_batches(batches), epochs=1, steps_per_epoch=steps, verbose=0, callbacks=callbacks
            )
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        if distribute.workers() == 1:
            raise
        raise UserError("Another machine of this training is gone. Start all of them again with --resume.") from error
    finally:  # Keras tells callbacks of the end only when all went well
        for callback in callbacks:
            callback.close()
