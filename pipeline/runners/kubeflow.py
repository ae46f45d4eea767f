"""The pipeline compiled for a cluster: open-source Kubeflow Pipelines (schema 2.1), or Vertex (schema 2.0).

Two profiles, since the two platforms differ. Kubeflow knows no resolvers: the model to compare with is named by a
pointer file, which `Push` moves. Vertex resolves the latest blessed model itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from looc_tf.config import Experiment, to_yaml
from looc_tf.errors import UserError
from looc_tf.files import write_atomically
from pipeline import experiments
from pipeline.definition import NAME, PipelineSettings, create_pipeline
from pipeline.definition.settings import Baseline
from pipeline.judging import thresholds

Resources = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec
TARGETS: dict[str, Baseline] = {"kubeflow": "pointer", "vertex": "resolver"}  # target -> how the baseline is found
GPU = {"kubeflow": "nvidia.com/gpu", "vertex": "NVIDIA_TESLA_T4"}


def parameters(experiment: Experiment, data: str, model_name: str = NAME) -> dict[str, Any]:
    """What an operator may change per run, with its default: name -> text or number."""
    return {
        "config": to_yaml(experiments.with_data(experiment, data)),
        "data": data,
        "data_version": "",
        "steps": -1,
        "thresholds": thresholds.to_text(experiment.gate),
        "model_name": model_name,
        "serving_root": "",
        "embed": "test",
        "baseline_pointer": "",
    }


def compile_pipeline(
    target: str,
    experiment: Experiment,
    data: str,
    image: str,
    root: str = "",
    gpus: int = 1,
    model_name: str = NAME,
    schema: str = "",
    warm_start: bool = False,
) -> dict[str, Any]:
    """The compiled job as nested dicts: a pipeline spec for Kubeflow, a job with its runtime config for Vertex.

    Args:
        target: "kubeflow" or "vertex".
        experiment: the default of the parameter `config`.
        data: the default of the parameter `data`; as the steps' containers see it.
        image: of the steps, see the Dockerfile.
        root: `gs://...`, where Vertex keeps artifacts; Kubeflow has a root of its own.
        gpus: of the step `Pretrain`; no other step asks for any, or uses one that it sees.
        model_name: the default of the parameter `model_name`.
        schema: a schema file as the containers see it; empty infers one from the pictures.
        warm_start: begin with the weights of the latest blessed model.

    Raises:
        UserError: a path of this machine, which no container can read.
    """
    for name, value in (("--data", data), ("--root", root), ("--schema", schema)):
        if value.startswith(("/", ".", "~")) and not value.startswith("/gcs/"):
            raise UserError(
                f"{name} is a path of this machine, {value}. Name what the containers see, such as gs://..."
            )
    defaults = parameters(experiment, data, model_name)
    given = {key: RuntimeParameter(key, type(value), value) for key, value in defaults.items()}
    if target == "vertex":
        del given["baseline_pointer"], defaults["baseline_pointer"]
    settings = PipelineSettings(
        root=root,
        size=experiment.data.size,
        pixels=experiments.pixels(experiment),
        schema=schema,
        warm_start=warm_start,
        baseline=TARGETS[target],
        beam_args=["--runner=DirectRunner"],
        **given,
    )
    pipeline = create_pipeline(settings)
    if gpus:
        pretrain = next(step for step in pipeline.components if step.id == "Pretrain")
        accelerator = Resources.AcceleratorConfig(type=GPU[target], count=gpus)
        pretrain.with_platform_config(Resources(accelerator=accelerator))
    about = KubeflowV2DagRunnerConfig(
        display_name=NAME, default_image=image, use_pipeline_spec_2_1=target == "kubeflow"
    )
    job = KubeflowV2DagRunner(about).run(pipeline, parameter_values=defaults, write_out=False)
    _keep_off_gpus(job["pipelineSpec"])
    return _with_defaults(job["pipelineSpec"], defaults) if target == "kubeflow" else job


def _keep_off_gpus(spec: dict[str, Any]) -> None:
    """A step that asks for no GPU uses none, even where its container sees those of its node."""
    for executor in spec["deploymentSpec"]["executors"].values():
        if "container" in executor and "resources" not in executor["container"]:
            executor["container"]["env"] = [{"name": "CUDA_VISIBLE_DEVICES", "value": "-1"}]


def _with_defaults(spec: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """TFX writes the types of runtime parameters and not their defaults, which the schema has a place for."""
    for name, about in spec["root"]["inputDefinitions"]["parameters"].items():
        about["defaultValue"], about["isOptional"] = defaults[name], True
    return spec


def write(compiled: Mapping[str, Any], path: Path) -> None:
    """Writes a compiled job as YAML or JSON, whole or not at all."""
    if path.suffix not in (".yaml", ".yml", ".json"):
        raise UserError(f"Expected a .yaml or .json file. Received {path}.")
    text = json.dumps(compiled, indent=1, sort_keys=True) + "\n"
    if path.suffix != ".json":
        text = yaml.safe_dump(dict(compiled), sort_keys=True, width=120)
    write_atomically(path, text)
