"""A config of one method turned into one of another, in that method's own recipe.

What a method asks of a config it declares as `Method.recipe`: dotted field -> value, or a function of the config that
is turned. Pictures, views, backbone and steps stay, and so do the spaces where both methods have them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from looc_tf import config
from looc_tf.augment import Color, PatchColor, Patches, build_chain
from looc_tf.config import Experiment
from looc_tf.representations import KEYS, LOCAL, QUERY
from looc_tf.views import crops_of

Recipe = Mapping[str, Any]
KEPT = ("local_views",)  # settings that say which views there are; a space keeps its name and what it shares
WARMUP = 200  # steps, of small batches
CELLS, ACROSS = 3, 5  # across: of a puzzle, of a grid
ADAM: Recipe = {"optimizer.name": "adamw", "optimizer.learning_rate": 0.001}  # of small batches
LARGE_BATCH = ("lars", "lamb")  # chosen for the batch, with a rate of their own


def hidden(times: float) -> Callable[[Experiment], int]:
    """A width in multiples of the config's `model.hidden`, which is that of MoCo's head."""
    return lambda experiment: max(1, round(times * experiment.model.hidden))


def warmup(experiment: Experiment) -> int:
    """A rise of the rate that fits into the training: a fifth of it at most."""
    steps = experiment.training.steps
    return WARMUP if steps is None else min(WARMUP, steps // 5)


def with_small_crop(experiment: Experiment) -> dict[str, Any]:
    """A config's chain with a crop of half the size behind its only one, as it is where it has several."""
    views, chain = experiment.views, {}
    crops = crops_of(build_chain(views.chain, views.size, experiment.data.channels))
    for name, settings in views.chain.items():
        chain[name] = settings
        if crops == [name]:
            chain[LOCAL] = {"kind": "crop", "size": max(1, views.size // 2), "area": [0.05, 0.4]}
    return chain


def plain_chain(experiment: Experiment) -> dict[str, Any]:
    """A config's chain without what only its small views use, and without patches, for a method that takes none: a
    color that each patch had for itself is that of the view."""
    views = experiment.views
    built = build_chain(views.chain, views.size, experiment.data.channels)
    crops, cut = crops_of(built), [name for name, each in built.items() if isinstance(each, Patches)]
    left_out = {*crops[1:], *cut, *(name for name, each in built.items() if each.only == (LOCAL,))}
    chain: dict[str, Any] = {}
    for name, settings in views.chain.items():
        if isinstance(built[name], PatchColor):
            chain["color"] = {key: each for key, each in (settings or {}).items() if key not in ("kind", "cells")}
        elif name not in left_out:
            chain[name] = settings
    if cut and crops:  # whose size, and the views that use it, were chosen for the patches
        settings = chain[crops[0]] or {}
        chain[crops[0]] = {key: value for key, value in settings.items() if key not in ("size", "only")}
    return chain


def with_puzzle(permutations: int) -> Callable[[Experiment], dict[str, Any]]:
    """A config's chain with a puzzle at its end, which its first crop is made larger for."""

    def chain(experiment: Experiment) -> dict[str, Any]:
        plain, crops = _plain_and_crops(experiment)
        side, puzzle = _puzzle(experiment, larger=bool(crops))
        cropped = {name: {**(plain[name] or {}), "size": side} for name in crops}
        return {**plain, **cropped, "puzzle": {**puzzle, "permutations": permutations}}

    return chain


def with_puzzle_beside(experiment: Experiment) -> dict[str, Any]:
    """A config's chain with a puzzle in any order, and a crop for it, of views beside the query."""
    plain, crops = _plain_and_crops(experiment)
    side, puzzle = _puzzle(experiment, larger=True)
    pieces = {"kind": "crop", "size": side, "area": [0.6, 1.0], "only": KEYS}
    chain: dict[str, Any] = {}
    for name, settings in plain.items():
        chain |= {name: {**(settings or {}), "only": QUERY}, "pieces": pieces} if name in crops else {name: settings}
    return {**chain, "pieces": pieces, "puzzle": {**puzzle, "only": KEYS}}


def with_grid(experiment: Experiment) -> dict[str, Any]:
    """A config's chain with a grid of patches at its end, three rows of which lie further apart than one is wide; each
    is moved a little, and has for itself a draw of the color that the view had."""
    size, chain, color = experiment.views.size, plain_chain(experiment), {}
    for name, each in build_chain(chain, experiment.views.size, experiment.data.channels).items():
        if isinstance(each, Color):
            color = {key: value for key, value in (chain.pop(name) or {}).items() if key != "kind"}
    grid = {"cells": ACROSS, "patch": max(1, 3 * size // 8), "jitter": size // 32}
    return {**chain, "patch_grid": grid, "patch_color": {"cells": ACROSS, **color}}


def _plain_and_crops(experiment: Experiment) -> tuple[dict[str, Any], list[str]]:
    chain = plain_chain(experiment)
    return chain, crops_of(build_chain(chain, experiment.views.size, experiment.data.channels))


def _puzzle(experiment: Experiment, larger: bool) -> tuple[int, dict[str, int]]:
    """The side of what is cut, one and a half times a view's if it may be larger, and the cells and patches in it."""
    side = experiment.views.size * 3 // 2 if larger else experiment.views.size
    cell = side // CELLS
    return CELLS * cell, {"cells": CELLS, "patch": max(1, cell * 3 // 4)}


def applied(
    recipe: Recipe, before: Recipe, experiment: Experiment, settings: Callable[[str], type[config.Method]], name: str
) -> Experiment:
    """An experiment with another method, as its recipe has it.

    Args:
        recipe: of the method.
        before: of the method that the experiment has, which is taken back first: widths to their proportion, and what
            it set and nobody changed since to the defaults of a config.
        experiment: a config.
        settings: name of a method -> the dataclass of its settings.
        name: of the method.
    """
    plain = _taken_back(before, recipe, _with_plain_width(before, experiment))
    content = config.to_dict(plain)
    content["method"] = {"name": name, **_kept(content["method"], settings(name))}
    for field, value in recipe.items():
        section, _, key = field.partition(".")
        if section != "optimizer" or experiment.optimizer.name not in LARGE_BATCH:
            content[section][key] = value(plain) if callable(value) else value
    if "views.chain" not in recipe and not content["method"].get("local_views"):
        content["views"]["chain"] = plain_chain(experiment)
    content["name"] = _renamed(experiment, name)
    content["about"] = f"{experiment.name} with the method {name} in its own recipe."
    return config.from_dict(content, settings)


def _with_plain_width(before: Recipe, experiment: Experiment) -> Experiment:
    made, width = before.get("model.hidden"), experiment.model.hidden
    plain = max(1, round(width * width / made(experiment))) if made else width
    return dataclasses.replace(experiment, model=dataclasses.replace(experiment.model, hidden=plain))


def _taken_back(before: Recipe, recipe: Recipe, experiment: Experiment) -> Experiment:
    """Without what the recipe before set, where it is still so and the next one does not say; a rate goes with the
    optimizer that it was for."""
    usual, at_first = Experiment(), experiment
    for field, value in before.items():
        section, _, key = field.partition(".")
        if section not in ("model", "optimizer") or key == "hidden" or field in recipe:
            continue
        other = section == "optimizer" and experiment.optimizer.name != at_first.optimizer.name
        held = getattr(experiment, section)
        if other or getattr(held, key) == (value(at_first) if callable(value) else value):
            held = dataclasses.replace(held, **{key: getattr(getattr(usual, section), key)})
            experiment = dataclasses.replace(experiment, **{section: held})
    return experiment


def _kept(section: Mapping[str, Any], settings: type[config.Method]) -> dict[str, Any]:
    """What both methods have: the views, and of each space its name and what it shares."""
    fields = {field.name for field in dataclasses.fields(settings)}
    kept = {name: section[name] for name in KEPT if name in section and name in fields}
    shared = [{key: space[key] for key in ("name", "shares")} for space in section.get("spaces", ())]
    return {**kept, "spaces": shared} if shared and "spaces" in fields else kept


def _renamed(experiment: Experiment, name: str) -> str:
    """`cifar10/looc-rotation` as `cifar10/byol-looc-rotation`, so that results tell the two apart."""
    folder, slash, last = experiment.name.rpartition("/")
    old = experiment.method.name
    if old != "looc":  # which its configs are not called after
        last = "" if last == old else last.removeprefix(f"{old}-")
    begins = last == name or last.startswith(f"{name}-")
    return f"{folder}{slash}{last if begins else '-'.join(filter(None, [name, last]))}"
