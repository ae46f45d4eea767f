"""The state of a training in one checkpoint: written whole, and read only when it is what it should be.

A checkpoint is TensorFlow's own format, an index and a data file; nothing in it is executed. It says itself which
training and which step it belongs to, so that a file which has changed places is not taken for another.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from looc_tf import config, experiments
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.files import without_patterns
from looc_tf.methods import Method

SLACK = 2**24  # bytes of a checkpoint beside the values: names, the graph of objects, the config


def checkpoint(method: Method, **more: Any) -> tf.train.Checkpoint:
    """All state of a training: encoders, queues, optimizer (which counts the steps) and running means.

    The position in the data and all random draws follow from the seed and the step.
    """
    method.optimizer.build(method.trained_variables())
    return tf.train.Checkpoint(method=method, optimizer=method.optimizer, **more)


class Origin(tf.train.experimental.PythonState):
    """What a checkpoint says about itself: JSON of the experiment, the step and what was measured there."""

    KEY = "origin/.ATTRIBUTES/py_state"  # the name that TensorFlow gives it as part of a checkpoint

    def __init__(self) -> None:
        self.text = "{}"

    def serialize(self) -> str:
        return self.text

    def deserialize(self, value: Any) -> None:
        """Left to `State.metadata`, which reads it before anything else of the checkpoint is trusted."""


class State:
    """Writes and reads the state of one method.

    Args:
        method: compiled; restored in place.
        experiment: whose training this is.
    """

    def __init__(self, method: Method, experiment: Experiment):
        self.method, self.experiment, self.origin = method, experiment, Origin()
        self.mine = checkpoint(method)
        self.whole = checkpoint(method, origin=self.origin)

    def write(self, prefix: Path, step: int, measures: Mapping[str, float]) -> None:
        """Writes a checkpoint and waits until the disk has it."""
        said = {"step": step, "measures": dict(measures), "experiment": config.to_dict(self.experiment)}
        self.origin.text = json.dumps(said)
        self.whole.write(str(prefix))
        for path in prefix.parent.glob(f"{prefix.name}.*"):
            with path.open("r+b") as file:  # to be written: Windows brings no other to the disk
                os.fsync(file.fileno())

    def metadata(self, prefix: Path) -> dict[str, Any]:
        """What a checkpoint says about itself: its `step`, `measures` and `experiment`; {} where it says nothing.

        Raises:
            Exception: it is damaged, or claims to hold more than this method has.
        """
        limit = SLACK + sum(variable.shape.num_elements() * variable.dtype.size for variable in variables(self.method))
        files = [Path(f"{prefix}{suffix}") for suffix in (".index", ".data-00000-of-00001")]
        _bounded(sum(path.stat().st_size for path in files), limit)
        with without_patterns(prefix.parent) as folder:
            reader = tf.train.load_checkpoint(str(folder / prefix.name))
            kinds = reader.get_variable_to_dtype_map()
            shapes = reader.get_variable_to_shape_map()
            _bounded(sum(kinds[name].size * math.prod(shape) for name, shape in shapes.items()), limit)
            return json.loads(reader.get_tensor(Origin.KEY)) if reader.has_tensor(Origin.KEY) else {}

    def read(self, prefix: Path, step: int) -> None:
        """Restores all state.

        Raises:
            UserError: the checkpoint is of another training or another step.
            Exception: it is damaged; TensorFlow maps that to many types.
        """
        said = self.metadata(prefix)
        if said:  # versions before this wrote nothing
            self._belongs(prefix, step, said["step"], said["experiment"])
        with without_patterns(prefix.parent) as folder, self._with_meters_of(str(folder / prefix.name)):
            # What it holds besides, such as the origin, is left alone.
            self.mine.read(str(folder / prefix.name)).expect_partial().assert_existing_objects_matched()

    @contextlib.contextmanager
    def _with_meters_of(self, prefix: str) -> Iterator[None]:
        """The method without the running means that a checkpoint lacks: earlier versions took fewer measures."""
        held = {name for name, _ in tf.train.list_variables(prefix)}
        every = dict(self.method.meters)
        escaped = {name: name.replace(".", "..").replace("/", ".S") for name in every}  # as TensorFlow writes them
        self.method.meters = {
            name: meter
            for name, meter in every.items()
            if any(one.startswith(f"method/meters/{escaped[name]}/") for one in held)
        }
        try:
            yield
        finally:
            self.method.meters = every

    def _belongs(self, prefix: Path, step: int, its_step: int, its_experiment: Mapping[str, Any]) -> None:
        remedy = f"Move {prefix.name}.* out of {prefix.parent}, or put back what belongs there."
        try:
            other = config.describe_changes(experiments.from_dict(its_experiment), self.experiment)
        except UserError as error:  # a field that this version does not know
            raise UserError(f"{prefix} is of another training: {error} {remedy}") from error
        if other:
            raise UserError(f"{prefix} is of another training: {other}. {remedy}")
        if its_step != step:
            raise UserError(f"{prefix} holds another step: expected {step}, received {its_step}. {remedy}")


def _bounded(claimed: int, limit: int) -> None:
    if claimed > limit:
        raise ValueError(f"it claims {claimed:,} bytes; the state of this method is smaller than {limit:,}")


def variables(method: Method) -> list[tf.Variable]:
    """All variables of a method and its optimizer."""
    return [*method.variables, *method.optimizer.variables]


def not_finite(method: Method) -> str | None:
    """The name of the first variable of a method or its optimizer with a value that is not finite."""
    for variable in variables(method):
        if variable.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(variable))):
            return variable.name
    return None
