"""A study's rows as experiments: a base config with other augmentations, spaces and steps."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from looc_tf import config, methods
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.experiments import check, from_dict
from looc_tf.studies.size import with_parameters_of
from looc_tf.studies.study import OTHER, Row, Study

DESIGNATED = ("color", "rotation", "texture")  # what a space can keep; all else a base config has in every view


def rows_of(study: Study, base: Experiment, seed: int) -> dict[str, Experiment]:
    """Row -> what is trained for it with a seed.

    Raises:
        UserError: the base config has no space to take temperature and queue from, or a row cannot work.
    """
    made = {row.name: _blamed(row, base, seed) for row in study.rows}
    wide = {
        row.name: with_parameters_of(made[row.name], made[row.parameters_of])
        for row in study.rows
        if row.parameters_of is not None
    }
    long = {row.name: made[row.passes_of] for row in study.rows if row.passes_of is not None}
    made |= wide
    return {name: _with_passes_of(each, long[name]) if name in long else each for name, each in made.items()}


def _blamed(row: Row, base: Experiment, seed: int) -> Experiment:
    made: Experiment = config.blaming(f"row {row.name!r}", functools.partial(_made, row, base, seed))
    return made


def _made(row: Row, base: Experiment, seed: int) -> Experiment:
    content = config.to_dict(base)
    content["seed"] = seed
    content["name"] = f"{base.name.partition('/')[0]}/{_slug(row.name)}"
    content["about"] = f"{row.name}, on what {base.name} says of everything else."
    content["views"]["chain"] = {name: dict(given or {}) for name, given in _chain(row, base.views.chain)}
    content["method"]["spaces"] = [_space(each, content["method"]) for each in row.spaces]
    for field, value in row.set.items():
        _change(content, field, functools.partial(_instead, value))
    for field, factor in row.times.items():
        _change(content, field, functools.partial(_multiplied, field, factor))
    return check(from_dict(content))


def _instead(value: Any, before: Any) -> Any:
    del before
    return value


def _multiplied(field: str, factor: float, before: Any) -> Any:
    """So many times a number, whole where it was; what is open stays so."""
    if before is None:
        return None
    if isinstance(before, bool) or not isinstance(before, (int, float)):
        raise UserError(f"Expected a number to multiply. {field} is {before!r}.")
    return round(before * factor) if isinstance(before, int) else before * factor


def _change(content: dict[str, Any], field: str, change: Callable[[Any], Any]) -> None:
    """Changes a dotted field; of a list, such as `method.spaces.queue`, in each of its items."""
    *path, key = field.split(".")
    holders: list[Any] = [content]
    for part in path:
        inner = [each[part] for each in holders if isinstance(each, dict) and part in each]
        holders = [item for each in inner for item in (each if isinstance(each, list) else [each])]
    free = path[:2] == ["views", "chain"]  # an augmentation's settings have defaults that are not written out
    if not path or not holders or not all(isinstance(each, dict) and (free or key in each) for each in holders):
        raise UserError(f"Expected a field of a config, such as training.steps. Received {field!r}.")
    for holder in holders:
        holder[key] = change(holder.get(key))


def _chain(row: Row, chain: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The base's chain, in its order, with those of the designated augmentations that the row varies."""
    yield from ((name, given) for name, given in chain.items() if name not in DESIGNATED or name in row.varies)
    yield from ((name, {}) for name in row.varies if name not in chain)


def _space(given: Any, method: Mapping[str, Any]) -> dict[str, Any]:
    """A space with the temperature and the queue of the base's first one."""
    name, shares = next(iter(given.items())) if isinstance(given, Mapping) else (given, given)
    first = next(iter(method.get("spaces") or ()), None)
    if first is None:
        raise UserError(f"Expected a base config of a method with spaces. Received one of {method['name']!r}.")
    several = list(shares) if isinstance(shares, (list, tuple)) else [] if shares == OTHER else [shares]
    return {**first, "name": name, "shares": several}


def _with_passes_of(experiment: Experiment, other: Experiment) -> Experiment:
    """As many encoder forwards as another training, by fewer steps or more."""
    length, share = experiment.training, methods.forwards(other) / methods.forwards(experiment)
    steps = None if length.steps is None else round(length.steps * share)
    epochs = None if length.epochs is None else length.epochs * share
    return dataclasses.replace(experiment, training=dataclasses.replace(length, steps=steps, epochs=epochs))


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:60].strip("-") or "row"
