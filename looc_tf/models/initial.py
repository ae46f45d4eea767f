"""`model.weights`: a trunk that begins with the weights of a file, another run, or a library, not with random ones."""

from __future__ import annotations

import logging
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.models.backbones import pretrained
from looc_tf.models.encoder import Encoder
from looc_tf.models.weight_files import Stored, Weights, opened

log = logging.getLogger(__name__)

# Names that Keras makes up: the number of a layer is of the process, not of the network.
_NUMBERED = re.compile(r"(\w*conv\w*d|dense|\w+_normalization|embedding|\w*attention)(_\d+)?/")
LIBRARY = "imagenet"  # what the two libraries of backbones call their weights


@dataclass(frozen=True)
class Part:
    """A piece of an encoder, under the name that a checkpoint gives it."""

    name: str
    network: keras.Model

    @property
    def weights(self) -> list[tf.Variable]:
        return list(self.network.weights)


def begin_with(encoder: Encoder, source: str | Path) -> dict[str, Any]:
    """Gives the trunk of an encoder the weights of another network of its shape, and says in one line which it took.

    Args:
        encoder: changed in place; its heads only where the source is a run with heads of these names and shapes.
        source: a `.keras`, `.weights.h5` or `.h5` file, a SavedModel, an export, the folder of a run; or "imagenet"
            for the weights of Keras or keras-cv, which need a network the first time. Files are read as arrays alone.

    Returns:
        What run.json records: {"from", "taken", "of", "not_taken"}.

    Raises:
        UserError: no tensor fits, one has another shape, or the source cannot be read; nothing is changed.
    """
    parts = [part for part in _parts(encoder) if part.weights]
    if str(source) == LIBRARY:
        chosen = _library(encoder, parts)
        return _take(encoder, parts, chosen, LIBRARY)
    path = Path(source).expanduser()
    with opened(path) as weights:
        matching = {"run": _by_run, "place": _by_place, "variables": _by_variable}[weights.by]
        return _take(encoder, parts, matching(parts, weights), str(path.absolute()))


def _parts(encoder: Encoder) -> Iterator[Part]:
    yield Part("shared", encoder.shared)
    if isinstance(encoder.last, keras.Model):
        yield Part("last", encoder.last)
    yield from (Part(f"stages/{space}", stage) for space, stage in encoder.stages.items())
    yield from (Part(f"heads/{space}", head) for space, head in encoder.heads.items())


def _is_head(part: Part) -> bool:
    return part.name.startswith("heads/")


Chosen = Mapping[int, Stored]  # id of a variable -> what it is to become


def _take(encoder: Encoder, parts: list[Part], chosen: Chosen, source: str) -> dict[str, Any]:
    """Assigns what was chosen, after all of it was seen to fit."""
    trunk = [(part, weight) for part in parts if not _is_head(part) for weight in part.weights]
    heads = [(part, weight) for part in parts if _is_head(part) for weight in part.weights]
    found = [(part, weight) for part, weight in trunk if id(weight) in chosen]
    if not found:
        ours = "a network of your own" if encoder.has_own else encoder.built_from.backbone
        raise UserError(
            f"None of the {len(trunk)} tensors of the trunk ({ours}) is in {source}. Expected the weights of the same "
            "network; check model.backbone."
        )
    for part, weight in found:
        theirs = chosen[id(weight)]
        if theirs.shape != tuple(weight.shape):
            raise UserError(
                f"The network of {source} has another shape: {part.name}/{weight.name} is {list(weight.shape)} here, "
                f"{list(theirs.shape)} there. Make model.backbone, stem and width those of that network"
                f"{_channels(theirs.shape, weight.shape)}."
            )
    values = [(weight, chosen[id(weight)].read()) for _, weight in found]
    fitting = [weight for _, weight in heads if id(weight) in chosen and chosen[id(weight)].shape == weight.shape]
    values += [(weight, chosen[id(weight)].read()) for weight in fitting]
    for weight, value in values:
        weight.assign(value)
    missing = [f"{part.name}/{weight.name}" for part, weight in trunk if id(weight) not in chosen]
    _say(source, len(found), len(trunk), missing, len(fitting), len(heads))
    return {"from": source, "taken": len(values), "of": len(trunk) + len(heads), "not_taken": missing}


def _channels(theirs: tuple[int, ...], ours: tf.TensorShape) -> str:
    first = len(theirs) == 4 and len(ours) == 4 and theirs[:2] == tuple(ours[:2]) and theirs[3] == ours[3]
    return ", or give it pictures of as many channels as it was trained on" if first else ""


def _say(source: str, taken: int, of: int, missing: list[str], heads: int, of_heads: int) -> None:
    left = f"; not in it: {', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}" if missing else ""
    log.info(
        "The trunk begins with %d of %d tensors of %s%s; heads: %d of %d", taken, of, source, left, heads, of_heads
    )
    if missing:
        log.warning("%d of %d tensors of the trunk are not in %s and begin as random ones", len(missing), of, source)


def _by_run(parts: list[Part], weights: Weights) -> Chosen:
    """By the names of TensorFlow's checkpoints, which a run keeps for life."""
    there = {each.name: each for each in weights.tensors}
    chosen = {}
    for part in parts:
        for path, weight in _paths(part.network).items():
            stored = there.get(f"method/encoder/{part.name}/{path}")
            if stored is not None:
                chosen[id(weight)] = stored
    return chosen


def _paths(network: keras.Model) -> dict[str, tf.Variable]:
    """The name of each variable in a checkpoint, from the network on: the shortest path to it."""
    view, seen = tf.train.TrackableView(network), {id(network)}
    found: dict[str, tf.Variable] = {}
    level = [("", network)]
    while level:
        below = []
        for path, node in level:
            for name, child in view.children(node).items():
                if id(child) not in seen:
                    seen.add(id(child))
                    below.append((f"{path}{name}", child))
        found |= {path: node for path, node in below if isinstance(node, tf.Variable)}
        level = [(f"{path}/", node) for path, node in below if not isinstance(node, tf.Variable)]
    return found


def _by_place(parts: list[Part], weights: Weights) -> Chosen:
    """By the names of Keras's files, which count the layers of a kind; a part lies anywhere in the saved network."""
    there = {each.name: each for each in weights.tensors}
    chosen: dict[int, Stored] = {}
    used: set[str] = set()
    for part in parts:
        if _is_head(part):  # their files do not say which is which
            continue
        places = _places(part.network)
        first = next(iter(places))
        roots = [name[: -len(first)] for name in there if f"/{name}".endswith(f"/{first}")]

        def fit(root: str, places: dict[str, tf.Variable] = places) -> tuple[int, int]:
            found = [(there[root + place].shape, w.shape) for place, w in places.items() if root + place in there]
            return sum(theirs == tuple(ours) for theirs, ours in found), len(found)

        roots = sorted((root for root in roots if root not in used), key=lambda root: (fit(root), -len(root)))
        if roots and (part.name == "shared" or fit(roots[-1]) == (len(places), len(places))):
            used.add(roots[-1])
            chosen |= {id(w): there[roots[-1] + place] for place, w in places.items() if roots[-1] + place in there}
    return chosen


def _places(network: keras.Model) -> dict[str, tf.Variable]:
    """The name of each variable in a `.weights.h5` file of the network alone."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.weights.h5")
        marked = keras.models.clone_model(network)
        for number, weight in enumerate(marked.weights):
            weight.assign(tf.fill(weight.shape, tf.cast(number, weight.dtype)))
        marked.save_weights(path)
        numbers: dict[str, int] = {}
        with h5py.File(path, "r") as file:
            file.visititems(
                lambda name, item: numbers.update({name: int(item[()].flat[0])}) if hasattr(item, "shape") else None
            )
    return {name: network.weights[number] for name, number in numbers.items()}


def _by_variable(parts: list[Part], weights: Weights) -> Chosen:
    """By layer and variable, such as `stem_conv/kernel`; where Keras has named the layers, by their order."""
    there: dict[str, list[Stored]] = defaultdict(list)
    for each in weights.tensors:
        there[_short(each.name)].append(each)
    trunk = [weight for part in parts if not _is_head(part) for weight in part.weights]
    named = [weight for weight in trunk if not _NUMBERED.match(_short(weight.name))]
    chosen = {id(weight): there[_short(weight.name)].pop(0) for weight in named if there[_short(weight.name)]}
    if len(chosen) < len(trunk) and [tuple(each.shape) for each in trunk] == [each.shape for each in weights.tensors]:
        return {id(weight): each for weight, each in zip(trunk, weights.tensors)}
    return chosen


def _short(name: str) -> str:
    return "/".join(name.partition(":")[0].split("/")[-2:])


def _library(encoder: Encoder, parts: list[Part]) -> Chosen:
    if encoder.has_own:
        raise UserError(
            "model.weights='imagenet' names no file for a backbone of your own. Load them into it yourself."
        )
    weights = pretrained(encoder.built_from.backbone).weights
    return {
        id(ours): Stored(theirs.name, tuple(theirs.shape), theirs.numpy)
        for ours, theirs in zip(parts[0].weights, weights)
    }
