"""What a config may not say although every value has the right type."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from looc_tf.config.schema import Experiment, Gate
from looc_tf.errors import UserError, shown, unknown

POSITIVE = (
    "data.size data.limit views.size model.width model.hidden model.dimension "
    "optimizer.learning_rate optimizer.reference_batch optimizer.decay training.batch training.accumulate "
    "training.epochs training.checkpoint_every training.keep training.log_every evaluation.limit evaluation.batch "
    "evaluation.draws evaluation.epochs evaluation.rate evaluation.retrieved evaluation.moved evaluation.corrupted "
    "evaluation.tunings evaluation.tuned_steps"
).split()
NOT_NEGATIVE = "seed optimizer.weight_decay optimizer.warmup_steps training.steps training.monitor_every".split()
FRACTIONS = ("optimizer.momentum",)
AT_MOST = {  # what no machine holds or counts, and what no float32 does
    "seed": 2**32 - 1,
    "data.size": 4096,
    "views.size": 4096,
    **dict.fromkeys(("model.width", "model.hidden", "model.dimension", "training.batch", "evaluation.batch"), 2**20),
    **dict.fromkeys(("optimizer.learning_rate", "optimizer.weight_decay", "evaluation.rate"), 1e12),
    "optimizer.decay": 1,
    **dict.fromkeys(("evaluation.draws", "evaluation.epochs", "evaluation.tunings"), 10_000),
    "evaluation.tuned_steps": 1e6,
    **dict.fromkeys(("training.steps", "training.epochs", "optimizer.warmup_steps"), 1e9),
}
MOST_BANDS = 1024  # no sensor that people train on has more
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def validate(experiment: Experiment) -> Experiment:
    """Returns the experiment unchanged, or raises a `UserError` for the first number that cannot work.

    Names are checked where their tables are, and the settings of a method by the method: `looc_tf.experiments.check`
    asks them all.
    """
    _numbers(experiment)
    _texts(experiment)
    _pixels(experiment)
    _length(experiment)
    _parts(experiment)
    return experiment


def check_gate(gate: Gate, representations: Iterable[str], probes: Iterable[str]) -> None:
    """Raises a `UserError` for a threshold that no model with such representations and probes can be held to."""
    representations, probes = list(representations), list(probes)
    everywhere = {"floor": gate.floor, "drop": gate.drop}
    for name, table in (("floors", gate.floors), ("drops", gate.drops)):
        for representation, values in table.items():
            if representation not in representations:
                raise unknown(f"representation in gate.{name}:", representation, representations)
            for probe, value in values.items():
                if probe not in probes:
                    raise unknown(f"probe in gate.{name}.{representation}:", probe, probes)
                everywhere[f"{name}.{representation}.{probe}"] = value
    for field, value in everywhere.items():
        if not 0 <= value <= 100:
            raise UserError(f"gate.{field} should lie between 0 and 100 percent. Received {value}.")


def _value(experiment: Experiment, field: str) -> Any:
    value: Any = experiment
    for name in field.split("."):
        value = getattr(value, name)
    return value


def positive(experiment: Experiment, *fields: str) -> None:
    """Raises a `UserError` for the first of some dotted fields whose value is not above 0; an empty one may be."""
    for field in fields:
        value = _value(experiment, field)
        if value is not None and value <= 0:
            raise UserError(f"{field} should be above 0. Received {value}.")


def not_negative(experiment: Experiment, *fields: str) -> None:
    """Raises a `UserError` for the first of some dotted fields whose value is below 0; an empty one may be."""
    for field in fields:
        value = _value(experiment, field)
        if value is not None and value < 0:
            raise UserError(f"{field} should be 0 or more. Received {value}.")


def between(experiment: Experiment, low: float, high: float, *fields: str) -> None:
    """Raises a `UserError` for the first of some dotted fields that is not between two numbers, as all of a list."""
    for field in fields:
        value = _value(experiment, field)
        several = isinstance(value, tuple)
        if not all(low <= each <= high for each in (value if several else [value])):
            received = list(value) if several else value
            expected = f"lie between {low:g} and {high:g}" if math.isfinite(high) else f"be at least {low:g}"
            raise UserError(f"{field} should {expected}. Received {received}.")


def fraction(experiment: Experiment, *fields: str) -> None:
    """Raises a `UserError` for the first of some dotted fields whose value does not lie between 0 and 1."""
    between(experiment, 0, 1, *fields)


def _numbers(experiment: Experiment) -> None:
    positive(experiment, *POSITIVE)
    not_negative(experiment, *NOT_NEGATIVE)
    for field, most in AT_MOST.items():
        value = _value(experiment, field)
        if value is not None and value > most:
            raise UserError(f"{field} should be at most {most:,.0f}. Received {value}.")
    fraction(experiment, *FRACTIONS)
    fraction(experiment, "evaluation.shares")
    between(experiment, 1, 2, "data.rules")
    milestones = experiment.optimizer.milestones
    if list(milestones) != sorted(milestones) or any(not 0 < value < 1 for value in milestones):
        raise UserError(
            "optimizer.milestones should be rising fractions of the training, each between 0 and 1. "
            f"Received {list(milestones)}."
        )
    for field in ("evaluation.neighbors", "evaluation.strengths", "evaluation.shots", "evaluation.shares"):
        values = _value(experiment, field)
        if not values or min(values) <= 0:
            raise UserError(f"{field} should list at least one number, all above 0. Received {list(values)}.")


def _texts(experiment: Experiment) -> None:
    if not experiment.name.isprintable():
        raise UserError(f"name should be printable, on one line. Received {shown(experiment.name)}.")
    if not experiment.data.name:
        raise UserError('data.name is empty. Expected "factors", a TFDS name, a folder of images or TFRecord files.')
    if not experiment.views.chain:
        raise UserError("views.chain is empty. Expected at least one augmentation, such as crop: {}.")
    if len(experiment.data.label_columns) > 2:
        raise UserError(
            "data.label_columns should list the column of labels, or two columns, that of files and that of labels. "
            f"Received {list(experiment.data.label_columns)}."
        )
    if experiment.training.precision not in PRECISIONS:
        raise unknown("training.precision", experiment.training.precision, PRECISIONS)


def _pixels(experiment: Experiment) -> None:
    """Sees that `data.bands` are different bands, and `data.range` a pair of numbers in order, or one for each band."""
    bands, given = experiment.data.bands, experiment.data.range
    if bands is not None and not (0 < len(set(bands)) == len(bands) <= MOST_BANDS and min(bands) >= 0):
        expected = f"1 to {MOST_BANDS} different bands, counted from 0, such as [3, 2, 1]"
        raise UserError(f"data.bands should list {expected}. Received {list(bands)}.")
    if given is None:
        return
    pairs = given if given and all(isinstance(pair, tuple) for pair in given) else (given,)
    fits = len(pairs) in (1, experiment.data.channels)
    if not fits or not all(len(pair) == 2 and all(map(_is_number, pair)) and pair[0] < pair[1] for pair in pairs):
        expected = "two numbers in order, such as [0, 4095], or a pair for each channel"
        raise UserError(f"data.range should be {expected}. Received {shown(given)}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e30


def _length(experiment: Experiment) -> None:
    training = experiment.training
    if (training.steps is None) == (training.epochs is None):
        received = f"steps={training.steps}, epochs={training.epochs}"
        remedy = "Set one of them, such as training.epochs=100" if training.steps is None else "Set the other to null"
        raise UserError(f"training needs exactly one of steps and epochs. Received {received}. {remedy}.")


def _parts(experiment: Experiment) -> None:
    """Sees that `training.accumulate` cuts the batch into equal parts."""
    training = experiment.training
    if training.batch % training.accumulate:
        raise UserError(
            f"training.batch of {training.batch} cannot be cut into training.accumulate of {training.accumulate} "
            "parts. Use a multiple."
        )


def whole_batch(what: str, accumulate: int, remedy: str) -> UserError:
    """The error for something that `training.accumulate` would take apart."""
    return UserError(
        f"{what} needs the whole batch at once, training.accumulate of {accumulate} cuts it. "
        f"{remedy}, or set training.accumulate to 1."
    )
