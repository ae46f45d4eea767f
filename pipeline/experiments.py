"""The experiment as one parameter of a step: the name of a shipped config, or the text of a config file."""

from __future__ import annotations

import dataclasses
import json

from looc_tf import config
from looc_tf.config import Evaluation, Experiment, Gate
from looc_tf.errors import UserError
from looc_tf.experiments import check, from_text, load
from looc_tf.experiments import with_data as on_data


def read(text: str) -> Experiment:
    """The experiment that a parameter means: YAML if it has several lines, else a name of `looc configs`."""
    return from_text(text) if "\n" in text.strip() else load(text.strip())


def for_training(experiment: Experiment) -> str:
    """The YAML that training depends on: other thresholds or probes train nothing again."""
    return config.to_yaml(dataclasses.replace(experiment, gate=Gate(), evaluation=Evaluation()))


def for_probes(experiment: Experiment) -> str:
    """The YAML that the probes depend on.

    Raises:
        UserError: these would be fitted on some classes alone, and judged on all.
    """
    classes = experiment.evaluation.classes
    if classes is not None:
        raise UserError(
            f"A pipeline judges a model on all of its examples. Received evaluation.classes={classes}. "
            "Leave it out, and restrict `looc evaluate` by it."
        )
    return config.to_yaml(dataclasses.replace(experiment, gate=Gate()))


def pixels(experiment: Experiment) -> str:
    """What an experiment says of bands and range, for the step that reads the pictures; "" where it says nothing."""
    said = {"bands": experiment.data.bands, "given": experiment.data.range}
    said = {name: value for name, value in said.items() if value is not None}
    return json.dumps(said) if said else ""


def with_data(experiment: Experiment, name: str, steps: int = -1) -> Experiment:
    """The experiment on other pictures and, from 0 on, with so many steps."""
    experiment = on_data(experiment, name)
    if steps >= 0:
        length = dataclasses.replace(experiment.training, steps=steps, epochs=None)
        experiment = dataclasses.replace(experiment, training=length)
    return check(experiment)
