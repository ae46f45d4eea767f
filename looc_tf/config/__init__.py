"""Experiments: frozen dataclasses read from YAML, changed by `--set`.

Nothing in this room imports TensorFlow: it reads everything but what a method declares of its own, and its numbers are
checked in milliseconds. `looc_tf.load_config` reads a config whole.

>>> from looc_tf import config
>>> config.difference(config.Experiment(), config.Experiment(seed=1))
['seed']
"""

from looc_tf.config.checks import PRECISIONS, between, check_gate, fraction, positive, validate, whole_batch
from looc_tf.config.identity import as_begun, describe_changes, training_id, unlike_trainings
from looc_tf.config.reading import (
    about,
    blaming,
    difference,
    from_dict,
    from_text,
    load,
    place,
    to_dict,
    to_yaml,
)
from looc_tf.config.schema import Data, Evaluation, Experiment, Gate, Method, Model, Optimizer, Training, Views
from looc_tf.config.shipped import find, names

__all__ = [
    "PRECISIONS",
    "Data",
    "Evaluation",
    "Experiment",
    "Gate",
    "Method",
    "Model",
    "Optimizer",
    "Training",
    "Views",
    "about",
    "as_begun",
    "between",
    "blaming",
    "check_gate",
    "describe_changes",
    "difference",
    "find",
    "fraction",
    "from_dict",
    "from_text",
    "load",
    "names",
    "place",
    "positive",
    "to_dict",
    "to_yaml",
    "training_id",
    "unlike_trainings",
    "validate",
    "whole_batch",
]
