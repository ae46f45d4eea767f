"""Fine-tuning a run: its config turned into that of another training, which begins with its weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from looc_tf import config, experiments, methods
from looc_tf.config import Data, Experiment, Gate, Optimizer, Training
from looc_tf.data import Source, read_table, table_reading
from looc_tf.data.places import same_place
from looc_tf.data.splits import select
from looc_tf.errors import UserError
from looc_tf.export import Embedder
from looc_tf.methods import Facts, FineTune
from looc_tf.methods.finetune import fraction_of_each
from looc_tf.models import start_from
from looc_tf.run import Run, compiled, experiment_of
from looc_tf.run.about import check_named_pictures
from looc_tf.training.callbacks.base import Logs, StepCallback
from looc_tf.training.fit import batches_of, fit, train
from looc_tf.training.own_source import on_source

CHAIN = {"crop": {"area": [0.5, 1.0]}}  # mirrored or not; a color or an angle may be what the labels are about
OPTIMIZER = Optimizer(learning_rate=0.1, momentum=0.9, weight_decay=1e-4, schedule="cosine", warmup_steps=20)
STEPS, EVERY, PATIENCE = 600, 25, 10
BATCHES = (64, 32, 16, 8, 4, 2)  # the first that the labelled pictures fill


def finetune(
    run: str | Path,
    out: str | Path,
    *,
    data: str | None = None,
    labels: str | None = None,
    fraction: float = 1.0,
    linear: bool = False,
    seed: int | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    source: Source | None = None,
) -> Path:
    """Trains the trunk of a run and a new classifier on labels, into the run folder `out`, and returns it.

    It is `train` of the experiment that `finetuning` gives, warm from `run`.

    Args:
        run: the run folder whose trunk it begins with; one of no steps gives random weights.
        out: as in `train`.
        data, labels, fraction, linear, seed, overrides: see `finetuning`.
        resume: go on from the last checkpoint in `out`.
        source: labelled training pictures that are open already, in the place of those that are named. Nothing of them
            is held out, so the last weights are kept.

    Raises:
        UserError: as `train`, and for a run that cannot be fine-tuned.

    Example:
        >>> import looc_tf
        >>> changes = ["training.steps=0", "training.batch=8", "data.size=32"]
        >>> pictures = looc_tf.source_of(tf.zeros([8, 32, 32]), labels=["cat", "dog"] * 4)
        >>> folder = looc_tf.train(looc_tf.load_config("factors/looc", changes), "runs/random", source=pictures)
        >>> finetune(folder, "runs/named", source=pictures, fraction=0.5, overrides=["training.steps=0"])
        PosixPath('runs/named')
    """
    if source is None and (Path(run) / "run.json").is_file():
        check_named_pictures(Path(run), data)
    experiment = finetuning(
        run, data=data, labels=labels, fraction=fraction, linear=linear, seed=seed, overrides=overrides
    )
    if not any(override.startswith("training.batch=") for override in overrides):
        experiment = _fitting(experiment, source)
    return train(experiment, out, resume=resume, warm=run, source=source)


def tuned(
    run: Run, source: Source, steps: int, seed: int, told: Callable[[int], None]
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Fine-tunes an open run in memory, as `finetune` does it into a run folder: to the same bits.

    Args:
        run: of the weights that it is open with.
        source: labelled pictures, all of which count.
        steps: of the training; a rise of the learning rate that is no shorter takes half of them.
        seed: of the new classifier and the order of the pictures.
        told: is told each step.

    Returns:
        Pixels to `trunk` and `probabilities`, as the embedder of the fine-tuned run gives them.
    """
    rise = min(OPTIMIZER.warmup_steps, steps // 2)
    overrides = (f"training.steps={steps}", f"optimizer.warmup_steps={rise}")
    experiment = on_source(_fitting(finetuning(run.path, seed=seed, overrides=overrides), source), source)
    source = methods.pictures_of(experiment, source)
    facts = Facts.of(experiment, source)
    method = compiled(experiment, facts)
    for mine, its in zip(*([each.encoder.shared, each.encoder.last] for each in (method, run.method))):
        start_from(mine, its)
    fit(method, batches_of(experiment, source, steps, 0), steps, [Told(0, steps, told)])
    sizes = experiment.data.size, experiment.views.size
    return Embedder(method.final, data_size=sizes[0], view_size=sizes[1], rule=source.pixels).images


class Told(StepCallback):
    """Tells each step to somebody else's bar."""

    def __init__(self, start: int, steps: int, told: Callable[[int], None]):
        super().__init__(start, steps)
        self.told = told

    def on_step(self, step: int, logs: Logs) -> None:
        self.told(step)


def _fitting(experiment: Experiment, source: Source | None) -> Experiment:
    """With a batch that the labelled pictures fill; what is wrong with them is told by the training."""
    data = experiment.data
    try:
        if source is None:
            part = select(read_table(data.name, **table_reading(data)), "train", data.name, data.limit)
            ids, labels = list(part.ids), part.labels["label"]
        else:
            ids, labels = source.ids, source.labels["label"]
    except UserError:
        return experiment
    count = (
        len(fraction_of_each(labels, ids, experiment.method.fraction, experiment.seed)) if (labels >= 0).any() else 0
    )
    batch = next((batch for batch in BATCHES if batch <= count), experiment.training.batch)
    return dataclasses.replace(experiment, training=dataclasses.replace(experiment.training, batch=batch))


def finetuning(
    run: str | Path,
    *,
    data: str | None = None,
    labels: str | None = None,
    fraction: float = 1.0,
    linear: bool = False,
    seed: int | None = None,
    overrides: Sequence[str] = (),
) -> Experiment:
    """The experiment that fine-tunes a run: its network, sizes and precision, with a recipe for labels.

    Args:
        run: the run folder.
        data: labelled pictures; by default those of the run.
        labels: a CSV file of their labels.
        fraction: of the labelled training pictures of each class, at least one.
        linear: freeze the trunk, and train the classifier alone.
        seed: of the new classifier, the order of the pictures and which of them the fraction takes; by default the
            run's.
        overrides: texts `dotted.field=value`, laid over all of this.

    Raises:
        UserError: the folder is no run, or one with several last stages, or a setting cannot work.
    """
    base = _begun(Path(run))
    settings = FineTune.Settings(fraction=fraction, trunk_rate=0.0 if linear else 1.0, patience=PATIENCE)
    steps = {
        "steps": STEPS,
        "batch": BATCHES[0],
        "log_every": EVERY,
        "monitor_every": EVERY,
        "checkpoint_every": 4 * EVERY,
    }
    experiment = dataclasses.replace(
        base,
        name=f"{base.name}-{'linear' if linear else 'finetune'}" + (f"-{100 * fraction:g}%" if fraction != 1 else ""),
        about=f"Fine-tuning of {base.name} on labels.",
        seed=base.seed if seed is None else seed,
        model=dataclasses.replace(base.model, weights=None),  # it begins with the run, whatever that began with
        data=_pictures(base.data, data),
        views=dataclasses.replace(base.views, chain=CHAIN),
        method=settings,
        optimizer=OPTIMIZER,
        training=Training(precision=base.training.precision, xla=base.training.xla, **steps),
        gate=Gate(),
    )
    return experiments.from_text(config.to_yaml(experiments.with_data(experiment, None, labels)), overrides)


def _pictures(own: Data, name: str | None) -> Data:
    """The pictures of a name as the network takes them; what else a config says of its own pictures is of those."""
    if name is None or same_place(name, own.name):
        return own if name is None else dataclasses.replace(own, name=name)
    return Data(name=name, size=own.size, bands=own.bands, range=own.range)


def _begun(run: Path) -> Experiment:
    """The config of the run that is fine-tuned."""
    base = experiment_of(run, saved=True)
    if methods.METHODS[base.method.name].has_branches(base):
        raise UserError(
            f"Fine-tuning takes a run with one trunk. {run} has a last stage of its own for each space "
            f"(method {base.method.name!r}, config {base.name!r}). Fine-tune one without."
        )
    return base
