"""The step `Pretrain`: TFX's Trainer over `looc_tf.train`, with the parameters that an operator changes by name."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.components import Trainer
from tfx.components.trainer.executor import GenericExecutor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts
from tfx.types.component_spec import ExecutionParameter
from tfx.types.standard_component_specs import BASE_MODEL_KEY, CUSTOM_CONFIG_KEY, TrainerSpec

import pipeline.steps.run_fn  # the code that runs: named here so that the fingerprint of this step covers it
from pipeline.baseline.pointer import read_pointer

NAMES = ("config", "steps", "fingerprint")


class PretrainSpec(TrainerSpec):
    """The Trainer's, and what the run function wants to know."""

    PARAMETERS = {  # noqa: RUF012  (TFX reads it from the class)
        **TrainerSpec.PARAMETERS,
        "config": ExecutionParameter(type=str),
        "steps": ExecutionParameter(type=int),
        "fingerprint": ExecutionParameter(type=str),
        "baseline_pointer": ExecutionParameter(type=str, optional=True),
    }


class PretrainExecutor(GenericExecutor):
    """Hands the named parameters to the run function as its custom config."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        settings = {name: exec_properties[name] for name in NAMES}
        named = read_pointer(exec_properties.get("baseline_pointer") or "", "model", standard_artifacts.Model)
        inputs = {**input_dict, BASE_MODEL_KEY: [named]} if named else input_dict
        super().Do(inputs, output_dict, {**exec_properties, CUSTOM_CONFIG_KEY: json.dumps(settings)})


class Pretrain(Trainer):
    """Trains an encoder; outputs `model` (for serving) and `model_run` (the library's run folder).

    Args:
        examples: of `Pictures`.
        config: the experiment, see `pipeline.experiments.read`.
        steps: of the training; -1 leaves the config's own.
        fingerprint: of the code.
        base_model: an evaluation model whose encoder the training begins with.
        baseline_pointer: a file that names one, where no resolver can.
    """

    SPEC_CLASS = PretrainSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(PretrainExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        config: Any,
        steps: Any,
        fingerprint: str,
        base_model: types.BaseChannel | None = None,
        baseline_pointer: Any = None,
    ):
        spec = PretrainSpec(
            examples=examples,
            base_model=base_model,
            train_args=trainer_pb2.TrainArgs(splits=["train"]),
            eval_args=trainer_pb2.EvalArgs(splits=["test"]),
            run_fn=f"{pipeline.steps.run_fn.__name__}.run_fn",
            config=config,
            steps=steps,
            fingerprint=fingerprint,
            baseline_pointer=baseline_pointer,
            model=types.Channel(type=standard_artifacts.Model),
            model_run=types.Channel(type=standard_artifacts.ModelRun),
        )
        base_component.BaseComponent.__init__(self, spec=spec)
