"""What a config may not say although every value has the right type."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from looc_tf.config.schema import Experiment, Gate, Space
from looc_tf.errors import UserError, nearest, shown, unknown

RESERVED = ("query", "trunk", "concat")  # names of a view and of two representations in the results

CHOICES = {
    "model.stem": ("imagenet", "small"),
    "model.head": ("mlp", "linear"),
    "model.batch_norm": ("plain", "sync"),
    "method.key_batch_norm": ("auto", "split", "shuffled", "sync", "plain"),
    "optimizer.name": ("sgd", "lamb", "adamw"),
    "optimizer.schedule": ("step", "cosine", "constant"),
    "training.precision": ("float32", "mixed_bfloat16", "mixed_float16"),
}
PROBES = ("object", "rotation", "hue", "texture", "knn")

POSITIVE = (
    "data.size data.limit views.size model.width model.hidden model.dimension method.key_groups "
    "optimizer.learning_rate optimizer.reference_batch optimizer.decay training.batch training.accumulate "
    "training.epochs training.checkpoint_every training.keep training.log_every evaluation.limit evaluation.batch"
).split()
NOT_NEGATIVE = "seed optimizer.weight_decay optimizer.warmup_steps training.steps training.monitor_every".split()
FRACTIONS = ("method.momentum", "optimizer.momentum")
AT_MOST = {  # what no machine holds or counts, and what no float32 does
    "seed": 2**32 - 1,
    "data.size": 4096,
    "views.size": 4096,
    **dict.fromkeys(("model.width", "model.hidden", "model.dimension", "training.batch", "evaluation.batch"), 2**20),
    **dict.fromkeys(("optimizer.learning_rate", "optimizer.weight_decay"), 1e12),
    "optimizer.decay": 1,
    **dict.fromkeys(("training.steps", "training.epochs", "optimizer.warmup_steps"), 1e9),
}
LEAST, LARGEST = 1e-4, 1e4  # of a temperature
LONGEST_QUEUE = 2**26
_NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,63}")  # of a space: TensorFlow's scopes take no others


def validate(experiment: Experiment) -> Experiment:
    """Returns the experiment unchanged, or raises a `UserError` for the first thing that cannot work.

    The parameters of the augmentations are checked where these are built, `looc_tf.augment.build`, and the backbone's
    name in `looc_tf.models`: this room knows neither.
    """
    _numbers(experiment)
    _words(experiment)
    _length(experiment)
    _parts(experiment)
    _spaces(experiment)
    check_gate(experiment.gate, representations(experiment))
    return experiment


def representations(experiment: Experiment) -> list[str]:
    """The names under which an experiment's results are listed: the trunk, the spaces, all of them, the branches."""
    spaces = [space.name for space in experiment.method.spaces]
    branches = [f"branch_{name}" for name in spaces] if experiment.method.branch_per_space else []
    return ["trunk", *spaces, *(["concat"] if spaces else []), *branches]


def check_gate(gate: Gate, known: Iterable[str]) -> None:
    """Raises a `UserError` for a threshold that no model with the `known` representations can be held to."""
    known, probes = list(known), [probe for probe in PROBES if probe != "knn"]
    everywhere = {"floor": gate.floor, "drop": gate.drop}
    for name, table in (("floors", gate.floors), ("drops", gate.drops)):
        for representation, values in table.items():
            if representation not in known:
                raise unknown(f"representation in gate.{name}:", representation, known)
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


def _numbers(experiment: Experiment) -> None:
    for field in POSITIVE:
        value = _value(experiment, field)
        if value is not None and value <= 0:
            raise UserError(f"{field} should be above 0. Received {value}.")
    for field in NOT_NEGATIVE:
        value = _value(experiment, field)
        if value is not None and value < 0:
            raise UserError(f"{field} should be 0 or more. Received {value}.")
    for field, most in AT_MOST.items():
        value = _value(experiment, field)
        if value is not None and value > most:
            raise UserError(f"{field} should be at most {most:,.0f}. Received {value}.")
    for field in FRACTIONS:
        if not 0 <= _value(experiment, field) <= 1:
            raise UserError(f"{field} should lie between 0 and 1. Received {_value(experiment, field)}.")
    milestones = experiment.optimizer.milestones
    if list(milestones) != sorted(milestones) or any(not 0 < value < 1 for value in milestones):
        raise UserError(
            "optimizer.milestones should be rising fractions of the training, each between 0 and 1. "
            f"Received {list(milestones)}."
        )
    for field in ("evaluation.neighbors", "evaluation.strengths"):
        values = _value(experiment, field)
        if not values or min(values) <= 0:
            raise UserError(f"{field} should list at least one number, all above 0. Received {list(values)}.")


def _words(experiment: Experiment) -> None:
    for field, choices in CHOICES.items():
        if _value(experiment, field) not in choices:
            raise unknown(field, _value(experiment, field), choices)
    for probe in experiment.evaluation.probes:
        if probe not in PROBES:
            raise unknown("probe", probe, PROBES)
    if not experiment.name.isprintable():
        raise UserError(f"name should be printable, on one line. Received {shown(experiment.name)}.")
    if not experiment.data.name:
        raise UserError('data.name is empty. Expected "factors", a TFDS name, a folder of images or TFRecord files.')


def _length(experiment: Experiment) -> None:
    training = experiment.training
    if (training.steps is None) == (training.epochs is None):
        received = f"steps={training.steps}, epochs={training.epochs}"
        raise UserError(f"training needs exactly one of steps and epochs. Received {received}. Set the other to null.")


def _parts(experiment: Experiment) -> None:
    """That the batch can be cut as the config says."""
    training, method = experiment.training, experiment.method
    if training.batch % training.accumulate:
        raise UserError(
            f"training.batch of {training.batch} cannot be cut into training.accumulate of {training.accumulate} "
            "parts. Use a multiple."
        )
    if method.key_batch_norm in ("auto", "split"):
        if training.batch % method.key_groups:
            raise UserError(
                f"training.batch of {training.batch} cannot be split into method.key_groups of {method.key_groups}. "
                "Use a multiple, or other key_groups."
            )
        if method.key_groups % training.accumulate:
            raise UserError(
                f"method.key_groups of {method.key_groups} cannot be dealt to training.accumulate of "
                f"{training.accumulate} parts. Use a multiple."
            )
    for field in ("model.batch_norm", "method.key_batch_norm"):
        if training.accumulate > 1 and _value(experiment, field) == "sync":
            raise UserError(
                f"{field} 'sync' needs the whole batch at once, training.accumulate of {training.accumulate} cuts it. "
                "Use 'plain' or 'split', or set training.accumulate to 1."
            )


def _spaces(experiment: Experiment) -> None:
    spaces, chain = experiment.method.spaces, list(experiment.views.chain)
    if not chain:
        raise UserError("views.chain is empty. Expected at least one augmentation, such as crop: {}.")
    if not spaces and experiment.method.name != "supervised":
        raise UserError("method.spaces is empty. Expected at least one space, such as {name: all} which is MoCo's.")
    for index, space in enumerate(spaces):
        _name(space, [other.name for other in spaces[:index]])
        _shares(space, chain)
        if space.temperature <= 0:
            raise UserError(f"Space {space.name!r} has a temperature of {space.temperature}. It should be above 0.")
        if not LEAST <= space.temperature <= LARGEST or space.queue > LONGEST_QUEUE:
            raise UserError(
                f"Space {space.name!r} has a temperature of {space.temperature} and a queue of {space.queue} rows. "
                f"They should be from {LEAST} to {LARGEST:g}, and at most {LONGEST_QUEUE:,}."
            )
        if space.queue < experiment.training.batch:
            raise UserError(
                f"Space {space.name!r} has a queue of {space.queue} rows, smaller than the batch of "
                f"{experiment.training.batch}. Use a longer queue or a smaller batch."
            )


def _name(space: Space, before: Iterable[str]) -> None:
    if not _NAME.fullmatch(space.name):
        raise UserError(
            "A space's name should be letters, digits and _. "
            f"Received {shown(space.name)}. Begin with a letter, use at most 64 of A to Z."
        )
    if space.name in RESERVED or space.name.startswith("branch_"):
        raise UserError(f"A space cannot be called {space.name!r}: the results use that name. Choose another.")
    if space.name in before:
        raise UserError(f"Two spaces are called {space.name!r}. Each space needs a name of its own.")


def _shares(space: Space, chain: list[str]) -> None:
    for index, shared in enumerate(space.shares):
        if shared not in chain:
            raise UserError(
                f"Space {space.name!r} shares {shown(shared)}, which is not in the chain ({', '.join(chain)}). "
                f"{nearest(shared, chain)}Add it to views.chain or take it out of the space."
            )
        if shared in space.shares[:index]:
            raise UserError(f"Space {space.name!r} shares {shared!r} twice. Once is enough.")
