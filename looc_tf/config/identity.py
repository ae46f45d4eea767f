"""Whether two experiments are one training: in which fields a run may be resumed otherwise than it was begun."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from looc_tf.config.convert import to_plain
from looc_tf.config.reading import difference, read_plain, unlike
from looc_tf.config.schema import Experiment

# No weight depends on these. `data.name` and `data.labels` are places: whether the same pictures and labels are there
# is seen when they are opened. By which rules they are read a run keeps, see `as_begun`.
# Not free: `steps`, which the learning rate's schedule hangs on; `log_every` and `monitor_every`, since history.csv
# would change its rows and the best checkpoint its choice.
MAY_CHANGE_ON_RESUME = (
    "about",
    "data.name",
    "data.labels",
    "data.label_columns",
    "evaluation",
    "gate",
    "training.keep",
    "training.checkpoint_every",
)

# Nor on these, in which the runs of one mean may differ: its seeds.
OF_A_RUN = ("version", "name", "seed", "training.log_every", "training.monitor_every", *MAY_CHANGE_ON_RESUME)

# Fields that came later, with the value that stands for what all trainings did before: an id stays what it was.
CAME_LATER = {"method.sibling_negatives": True, "method.key_precision": "auto"}


def training_id(experiment: Experiment) -> str:
    """Eight hexadecimal digits of all that a training hangs on but its seed and the pictures behind a name."""
    return hashlib.sha256(json.dumps(_common(to_plain(experiment)), sort_keys=True).encode()).hexdigest()[:8]


def unlike_trainings(one: Path, other: Path) -> list[str]:
    """The dotted fields in which the trainings of two whole config files differ, by `training_id`."""
    return unlike(*(_common(read_plain(path)) for path in (one, other)))


def describe_changes(begun: Experiment, now: Experiment) -> str:
    """`"optimizer.momentum was 0.9, is 0.5; ..."` over the fields that make it another training; "" where none does."""
    changed = difference(_fixed(begun), _fixed(now))
    return "; ".join(f"{field} was {_at(begun, field)}, is {_at(now, field)}" for field in changed)


def as_begun(begun: Experiment, now: Experiment) -> Experiment:
    """`now` with what an experiment that was begun keeps: the rules by which its pictures were read."""
    labels = begun.data.labels if now.data.labels is None else now.data.labels
    return dataclasses.replace(now, data=dataclasses.replace(now.data, rules=begun.data.rules, labels=labels))


def _fixed(experiment: Experiment) -> Experiment:
    """The experiment with the free fields at their defaults."""
    for field in MAY_CHANGE_ON_RESUME:
        section, _, name = field.rpartition(".")
        owner: Any = getattr(experiment, section) if section else experiment
        change: Any = {name: getattr(type(owner)(), name)}
        if section:
            change = {section: dataclasses.replace(owner, **change)}
        experiment = dataclasses.replace(experiment, **change)
    return experiment


def _common(plain: dict[str, Any]) -> dict[str, Any]:
    """An experiment as plain values, without what the seeds of one mean may differ in."""
    plain = {key: dict(value) if isinstance(value, dict) else value for key, value in plain.items()}
    for field in OF_A_RUN:
        section, _, name = field.rpartition(".")
        (plain.get(section, {}) if section else plain).pop(name, None)
    for field, before in CAME_LATER.items():
        section, _, name = field.partition(".")
        if plain.get(section, {}).get(name) is before:
            del plain[section][name]
    return plain


def _at(experiment: Experiment, field: str) -> Any:
    """The value of a dotted field, `(absent)` where there is none."""
    value: Any = to_plain(experiment)
    for part in field.split("."):
        key = int(part) if isinstance(value, list) else part
        if isinstance(value, dict) and key not in value:
            return "(absent)"
        value = value[key]
    return value
