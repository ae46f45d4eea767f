"""Experiments as people write them: a config read with the settings of its method, and checked whole.

Everything that a config can say wrongly is told here, before a picture is opened.

>>> from looc_tf import experiments
>>> experiments.from_text("training: {steps: 100}", ["training.batch=64"]).training.batch
64
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from looc_tf import config
from looc_tf.config import Experiment


def load(
    config_name: str | Path,
    overrides: Sequence[str] = (),
    *,
    data: str | None = None,
    labels: str | None = None,
    method: str | None = None,
) -> Experiment:
    """Reads an experiment and checks it.

    Args:
        config_name: a YAML file, or the name of a shipped one such as `"factors/looc"` (see `looc configs`). A file may
            begin from a sibling or a shipped one with `base: <name>`: it then states only what differs.
        overrides: texts `dotted.field=value`; a number in the path is an index, the value is YAML.
        data: a folder, record files or a TFDS name in the place of the config's.
        labels: a CSV file of labels in the place of the config's.
        method: another method on the config's pictures, views, backbone, spaces and steps, in that method's own recipe:
            head, widths, BatchNorm, and the rate where it cannot live with the config's. Overrides come after it.

    Raises:
        UserError: the file is missing or not YAML, a key or name is unknown, a value has the wrong type, or what it
            says cannot work.

    Example:
        >>> load("factors/looc", ["training.steps=10", "method.spaces.1.temperature=0.1"]).method.spaces[1].temperature
        0.1
    """
    remade = None if method is None else functools.partial(_in_recipe, method)
    experiment = with_data(config.load(config_name, _settings_of, overrides, remade), data, labels)
    place = config.place(config.find(config_name), overrides) + (f" --method {method}" if method else "")
    return config.blaming(place, lambda: check(experiment))


def from_text(text: str, overrides: Sequence[str] = ()) -> Experiment:
    """Reads an experiment from YAML as `config.to_yaml` writes it, and checks it; raises as `load`."""
    return check(config.from_text(text, _settings_of, overrides))


def from_dict(content: Mapping[str, Any]) -> Experiment:
    """The inverse of `config.to_dict`, also of that of earlier versions; `UserError` for what does not fit."""
    return config.from_dict(content, _settings_of)


def with_data(experiment: Experiment, name: str | None, labels: str | None = None) -> Experiment:
    """The experiment on other pictures, or with other labels; on its own where there is no name."""
    wanted = {"name": name, "labels": labels}
    stated: dict[str, Any] = {field: value for field, value in wanted.items() if value is not None}
    return dataclasses.replace(experiment, data=dataclasses.replace(experiment.data, **stated))


def check(experiment: Experiment, devices: int | None = None) -> Experiment:
    """Returns the experiment unchanged, or raises a `UserError` for the first thing that cannot work.

    Args:
        experiment: the config.
        devices: on how many it is to be trained; None where it was trained already, or nobody knows.
    """
    config.validate(experiment)
    from looc_tf import evaluate, methods, models, optim  # now that all that needs no TensorFlow is right

    models.check_model(experiment.model)
    optim.check(experiment.optimizer)
    evaluate.check(experiment.evaluation)
    methods.check(experiment, devices)
    config.check_gate(experiment.gate, methods.representations_of(experiment), evaluate.LINEAR_PROBES)
    return experiment


def _in_recipe(name: str, experiment: Experiment) -> Experiment:
    from looc_tf import methods  # on use: it imports TensorFlow

    return methods.in_recipe(experiment, name)


def _settings_of(name: str) -> type[config.Method]:
    from looc_tf import methods  # on use: it imports TensorFlow

    return methods.settings_of(name)
