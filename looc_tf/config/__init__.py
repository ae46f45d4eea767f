"""Experiments: frozen dataclasses read from YAML, changed by `--set`, checked before any work begins.

Nothing in this room imports TensorFlow, so a config is read, checked and printed in milliseconds.

>>> from looc_tf import config
>>> experiment = config.load("factors/looc", ["method.spaces.1.temperature=0.1"])
>>> experiment.method.spaces[1].temperature
0.1
"""

from looc_tf.config.checks import check_gate, validate
from looc_tf.config.identity import told_difference
from looc_tf.config.reading import difference, find, load, names, to_dict, to_yaml
from looc_tf.config.schema import Data, Evaluation, Experiment, Gate, Method, Model, Optimizer, Space, Training, Views

__all__ = [
    "Data",
    "Evaluation",
    "Experiment",
    "Gate",
    "Method",
    "Model",
    "Optimizer",
    "Space",
    "Training",
    "Views",
    "check_gate",
    "difference",
    "find",
    "load",
    "names",
    "to_dict",
    "to_yaml",
    "told_difference",
    "validate",
]
