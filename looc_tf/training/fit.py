"""Training, read top to bottom: the config checked, the run entered, pictures, method, state, batches, fit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from looc_tf import distribute, experiments, methods, optim
from looc_tf.config import Experiment
from looc_tf.data import Source, open_source, reading
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.methods import Facts, Method
from looc_tf.run import RunFolder, as_begun, compiled
from looc_tf.run.about import recorded_pixels
from looc_tf.run.log import without_advice
from looc_tf.training.callbacks import StepCallback, joined, standard_callbacks
from looc_tf.training.causes import telling_causes
from looc_tf.training.own_source import on_source
from looc_tf.views import training_batches
from looc_tf.views.leave_one_out import named_but_not_shared

log = logging.getLogger(__name__)


def train(
    experiment: Experiment,
    out: str | Path,
    resume: bool = False,
    warm: str | Path | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    source: Source | None = None,
) -> Path:
    """Train an experiment into the run folder `out` and return it.

    With one seed, one machine and one number of threads two runs give the same weights to the bit, however often one of
    them was stopped and resumed. It trains on the devices of `distribute.strategy`; of several machines the chief alone
    writes `out`, and all of them read it to resume.

    Args:
        experiment: the config.
        out: a folder that does not exist yet; with `resume`, one that an interrupted run of this config left.
        resume: go on from the last checkpoint; a run that is done is left as it is.
        warm: another run, whose encoders this one begins with; its queues and its optimizer begin anew.
        callbacks: of your own. They are called after each step, with the measures of that step in `logs`, before it is
            saved; Keras sees the whole training as one epoch. One that sets `self.model.stop_training` ends the run
            after its step, saved: `resume` goes on from there.
        source: the training pictures, where they are open already, in the place of `experiment.data.name`. There is no
            held-out part of them, so no kNN reading is taken.

    Raises:
        UserError: the folder exists (or, resuming, belongs to another config), pictures are missing or too few, the
            loss is not finite, the disk or the memory is full, or the other run's network is not of this one's shape.
        KeyboardInterrupt: after Ctrl-C or a notebook's stop button, once all state is saved.
        SystemExit: with 143, after SIGTERM, likewise.

    Example:
        >>> import looc_tf
        >>> changes = ["training.steps=0", "training.batch=8", "data.size=32"]  # 0 steps: random weights, the baseline
        >>> pictures = looc_tf.source_of(tf.zeros([8, 32, 32]))
        >>> train(looc_tf.load_config("factors/looc", changes), "runs/random", source=pictures)
        PosixPath('runs/random')
    """
    experiment = on_source(as_begun(experiment, out) if resume else experiment, source)
    with telling_causes(experiment), distribute.strategy().scope(), RunFolder(out, experiment, resume) as run:
        experiments.check(experiment, distribute.replicas())
        few = methods.few_values(experiment, distribute.replicas(), resume)
        whole, run.own_source = opened(experiment, source, run, warm), source is not None
        source = methods.pictures_of(experiment, whole)
        facts = Facts.of(experiment, source)
        method = compiled(experiment, facts)
        start = run.begin(method, source, facts, warm)
        if len(source) < len(whole) or method.class_names:
            used = f"{len(source):,} of {len(whole):,}"
            log.info("Training on %s pictures, with labels of %d classes", used, facts.classes)
        tell_of_pixels(source, experiment)
        warn(experiment, method, few, facts.steps)
        if start < facts.steps:
            batches = batches_of(experiment, source, facts.steps, start)
            fit(method, batches, facts.steps - start, joined(standard_callbacks(run, source, facts), callbacks))
        run.end(source, facts)
    return Path(out)


def batches_of(experiment: Experiment, source: Source, steps: int, start: int) -> tf.data.Dataset:
    """The batches of a training from a step on."""
    return training_batches(
        source,
        methods.build_plan(experiment),
        batch=experiment.training.batch,
        steps=steps,
        seed=experiment.seed,
        start=start,
    )


def opened(experiment: Experiment, source: Source | None, run: RunFolder, warm: str | Path | None = None) -> Source:
    """The training pictures: those that are open already, else those of the config.

    A run that goes on reads them by the rule with which it began, and one that begins with the weights of another run
    by that one's, where it was of such pictures.
    """
    data = experiment.data
    if source is not None:
        return source
    rule = recorded_pixels(run.path) if run.resume else None
    if rule is None and warm and data.range is None and (Path(warm) / "run.json").is_file():
        former = recorded_pixels(Path(warm))
        rule = former if not former.plain and former.bands == tuple(data.bands or ()) else None
    how = {**reading(data), "pixels": rule}
    with telling_causes(experiment, "Lower data.size, or set data.limit"):
        return open_source(data.name, "train", size=data.size, limit=data.limit, **how)


def tell_of_pixels(source: Source, experiment: Experiment) -> None:
    """How the pictures became 8 bits, and what does not exist in them."""
    for level, line in source.remarks:
        log.log(level, "%s", line)
    kinds = ("color", "patch_color")
    jittered = any((settings or {}).get("kind", name) in kinds for name, settings in experiment.views.chain.items())
    if experiment.data.channels != 3 and jittered:
        log.info("color: pictures of %d bands have no saturation, hue or gray", experiment.data.channels)


def warn(experiment: Experiment, method: Method, few: str, steps: int) -> None:
    """Tells what will be slow or may not learn; what an alarm should name first, the method is told."""
    if experiment.training.xla and not tf.config.list_physical_devices("GPU"):
        log.warning("training.xla is meant for GPUs: a CPU compiles the first step for long, and all are slower.")
    named = named_but_not_shared(methods.build_plan(experiment))
    for remark in filter(None, [optim.remark(experiment.optimizer, steps), *named, *method.remarks()]):
        log.warning("%s", remark)
    if few:
        log.warning("%s Embeddings may become one point.", few)
        method.against_collapse = few


def fit(method: Method, batches: tf.data.Dataset, steps: int, callbacks: list[keras.callbacks.Callback]) -> None:
    """Takes so many steps, or fewer where a callback stops it; our callbacks are closed however it ends."""
    try:
        # Keras compares means over the first five steps. A measure or a checkpoint among them is slower than a small
        # step, by design, and there is nothing for the user to check.
        with without_advice("Callback method `on_train_batch_"):
            method.fit(
                distribute.shard_batches(batches), epochs=1, steps_per_epoch=steps, verbose=0, callbacks=callbacks
            )
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        if distribute.workers() == 1:
            raise
        raise UserError("Another machine of this training is gone. Start all of them again with --resume.") from error
    finally:  # Keras tells callbacks of the end only when all went well
        for callback in callbacks:
            if isinstance(callback, StepCallback):
                callback.close()
