"""Training, read top to bottom: the config checked, the run entered, pictures, method, state, batches, fit."""

from __future__ import annotations

import logging
from pathlib import Path

import tensorflow as tf

from looc_tf import distribute, experiments, methods
from looc_tf.config import Data, Experiment
from looc_tf.data import Source, open_source
from looc_tf.errors import UserError
from looc_tf.methods import Facts, Method
from looc_tf.run import RunFolder, compiled
from looc_tf.run.about import recorded_pixels
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
    with distribute.strategy().scope(), RunFolder(out, experiment, resume) as run:
        experiments.check(experiment, distribute.replicas())
        data, training = experiment.data, experiment.training
        source = _pictures(data, run)
        facts = Facts.of(experiment, source)
        method = compiled(experiment, facts)
        start = run.begin(method, source, facts, warm)
        _tell_of_pixels(source, experiment)
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


def _pictures(data: Data, run: RunFolder) -> Source:
    """The training pictures; those of a run that goes on by the rule with which it began."""
    pixels = recorded_pixels(run.path) if run.resume else None
    return open_source(
        data.name, "train", size=data.size, limit=data.limit, bands=data.bands, range=data.range, pixels=pixels
    )


def _tell_of_pixels(source: Source, experiment: Experiment) -> None:
    """How the pictures became 8 bits, and what does not exist in them."""
    for level, line in source.remarks:
        log.log(level, "%s", line)
    jittered = any((settings or {}).get("kind", name) == "color" for name, settings in experiment.views.chain.items())
    if experiment.data.channels != 3 and jittered:
        log.info("color: pictures of %d bands have no saturation, hue or gray", experiment.data.channels)


def fit(method: Method, batches: tf.data.Dataset, steps: int, callbacks: list[StepCallback]) -> None:
    """Takes so many steps; the callbacks are closed however it ends."""
    try:
        method.fit(distribute.shard_batches(batches), epochs=1, steps_per_epoch=steps, verbose=0, callbacks=callbacks)
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        if distribute.workers() == 1:
            raise
        raise UserError("Another machine of this training is gone. Start all of them again with --resume.") from error
    finally:  # Keras tells callbacks of the end only when all went well
        for callback in callbacks:
            callback.close()
