"""Files and folders with the weights of a network, read as arrays alone: nothing in them is built or executed.

Each reader gives the tensors of a file under their names there. A tensor is read when it is asked for, so that a file
of strangers takes no more memory than the network that begins with it.
"""

from __future__ import annotations

import contextlib
import functools
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
import tensorflow as tf

from looc_tf.errors import UserError, reason
from looc_tf.files import without_patterns

_INSIDE = "model.weights.h5"  # of a .keras file
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
KINDS = "a .keras, .weights.h5 or .h5 file, a SavedModel, an export, or the folder of a run"


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: its name there, its shape, and how it is read."""

    name: str
    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Weights:
    """The tensors of a file, in its order.

    Attributes:
        tensors: by name, of which a file may hold one twice.
        by: how they are named: by their "place" in the saved network, as "variables", or by the "run" that trained it.
    """

    tensors: list[Stored]
    by: str


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Weights]:
    """The weights in a file or a folder, readable inside of the block.

    Raises:
        UserError: there are none, or they cannot be read.
    """
    if not path.exists():
        raise UserError(f"model.weights should be {KINDS}, or 'imagenet'. {str(path)!r} does not exist.")
    try:
        with contextlib.ExitStack() as stack:
            yield _folder(path, stack) if path.is_dir() else _file(path, stack)
    except UserError:
        raise
    except Exception as error:  # a damaged file ends in whatever its library makes of it
        raise UserError(f"model.weights should be {KINDS}. {str(path)!r} cannot be read: {reason(error)}.") from error


def _file(path: Path, stack: contextlib.ExitStack) -> Weights:
    import h5py

    if path.suffix == ".keras":
        archive = stack.enter_context(zipfile.ZipFile(path))
        file = stack.enter_context(h5py.File(stack.enter_context(archive.open(_INSIDE)), "r"))
    else:
        file = stack.enter_context(h5py.File(path, "r"))
    items: dict[str, Any] = {}
    file.visititems(items.__setitem__)  # what lies in this file itself: HDF5 can also point into any other one
    root = "model_weights/" if "model_weights" in items else ""
    layers = (items["model_weights"] if root else file).attrs.get("layer_names")
    names = [(name, name) for name in items] if layers is None else list(_layers(items, root, layers))
    tensors = [_stored(name, items[at]) for name, at in names if at in items and _is_array(items[at])]
    return Weights(tensors, "place" if layers is None else "variables")


def _is_array(item: Any) -> bool:
    inside = hasattr(item, "shape") and item.external is None and not item.is_virtual
    return inside and item.dtype.kind in "fiu"


def _stored(name: str, item: Any) -> Stored:
    return Stored(name, tuple(item.shape), lambda: np.asarray(item))


def _layers(items: Mapping[str, Any], root: str, layers: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The variables of Keras's old format, layer by layer, and where they lie."""
    for layer in map(_text, layers):
        group = items.get(f"{root}{layer}")
        for name in map(_text, group.attrs["weight_names"] if group is not None else ()):
            yield name, f"{root}{layer}/{name}"


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _folder(path: Path, stack: contextlib.ExitStack) -> Weights:
    newest = _newest(path / "checkpoints")
    if newest is not None:
        place = stack.enter_context(without_patterns(newest.parent))  # to the end: tensors are read when asked for
        return Weights(list(_checkpoint(place / newest.name)), "run")
    versions = [each for each in path.iterdir() if each.name.isdigit() and (each / "saved_model.pb").is_file()]
    saved = max(versions, key=lambda each: int(each.name), default=path)
    if not (saved / "saved_model.pb").is_file():
        raise UserError(f"model.weights should be {KINDS}. The folder {str(path)!r} is none of these.")
    return Weights(list(_saved_model(stack.enter_context(without_patterns(saved)))), "variables")


def _newest(folder: Path) -> Path | None:
    steps = [path.stem.rpartition("-")[2] for path in folder.glob("ckpt-*.index")]
    numbers = [int(step) for step in steps if step.isdecimal()]
    return folder / f"ckpt-{max(numbers)}" if numbers else None


def _checkpoint(prefix: Path) -> Iterator[Stored]:
    reader = tf.train.load_checkpoint(str(prefix))
    for name, shape in reader.get_variable_to_shape_map().items():
        if name.endswith(_VALUE):
            yield Stored(name[: -len(_VALUE)], tuple(shape), functools.partial(reader.get_tensor, name))


def _saved_model(folder: Path) -> Iterator[Stored]:
    """The variables of a SavedModel, in its order, by the names of the layers and not by their places in it."""
    from tensorflow.core.protobuf import saved_model_pb2

    prefix = folder / "variables" / "variables"
    stored = {each.name: each for each in _checkpoint(prefix)}
    places = _places(prefix)
    content = saved_model_pb2.SavedModel()
    content.ParseFromString((folder / "saved_model.pb").read_bytes())
    nodes = content.meta_graphs[0].object_graph_def.nodes
    for root in nodes[0].children:
        listed = nodes[root.node_id].children if root.local_name in ("variables", "state") else ()
        for child in sorted(listed, key=lambda each: int(each.local_name)):
            name = nodes[child.node_id].variable.name
            if places[name]:
                each = stored[places[name].pop(0)]
                yield Stored(name, each.shape, each.read)


def _places(prefix: Path) -> dict[str, list[str]]:
    """The name of a variable -> where a checkpoint holds it; several where several are called so, in order."""
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(tf.train.load_checkpoint(str(prefix)).get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    found: dict[str, list[str]] = defaultdict(list)
    for attribute in (attribute for node in graph.nodes for attribute in node.attributes):
        if attribute.checkpoint_key.endswith(_VALUE):
            found[attribute.full_name].append(attribute.checkpoint_key[: -len(_VALUE)])
    for keys in found.values():
        keys.sort(key=lambda key: [int(part) if part.isdigit() else 0 for part in re.split(r"[-/]", key)])
    return found
