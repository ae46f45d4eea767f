"""The step `Push`: TFX's Pusher into `SERVING/<model name>/<version>`, with a page on how to serve it beside it."""

from __future__ import annotations

import os
from typing import Any

from tfx import types
from tfx.components import Pusher
from tfx.components.pusher import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_component_specs import (
    INFRA_BLESSING_KEY,
    MODEL_BLESSING_KEY,
    MODEL_KEY,
    PUSH_DESTINATION_KEY,
    PUSHED_MODEL_KEY,
    PusherSpec,
)
from tfx.utils import path_utils, proto_utils

from looc_tf.export.serving_page import FILE, serving_page
from pipeline.baseline import pointer
from pipeline.storage import is_local, local, write_text


class PushSpec(PusherSpec):
    """The Pusher's, with a folder and a name in the place of a protocol buffer."""

    PARAMETERS = {  # noqa: RUF012  (TFX reads it from the class)
        **PusherSpec.PARAMETERS,
        "model_name": ExecutionParameter(type=str),
        "serving_root": ExecutionParameter(type=str),
        "baseline_pointer": ExecutionParameter(type=str, optional=True),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        **PusherSpec.INPUTS,
        "evaluation_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
    }


class PushExecutor(executor.Executor):
    """Pushes if both blessings allow it, writes `serving.md`, and moves the pointer to the latest blessed model."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        pushed = artifact_utils.get_single_instance(output_dict[PUSHED_MODEL_KEY])
        root = exec_properties["serving_root"] or default_root(pushed.uri)
        name = exec_properties["model_name"]
        destination = pusher_pb2.PushDestination()
        destination.filesystem.base_directory = os.path.join(root, name)
        properties = {**exec_properties, PUSH_DESTINATION_KEY: proto_utils.proto_to_json(destination)}
        super().Do(input_dict, output_dict, properties)
        if pushed.get_int_custom_property("pushed") != 1:
            return
        exported = path_utils.serving_model_dir(artifact_utils.get_single_uri(input_dict[MODEL_KEY]))
        page = serving_page(local(exported), name, os.path.join(root, name))
        write_text(os.path.join(root, name, FILE), page)
        if exec_properties.get("baseline_pointer"):
            keys = {"model": "evaluation_model", "statistics": "statistics"}
            uris = {name: artifact_utils.get_single_uri(input_dict[key]) for name, key in keys.items()}
            pointer.write_pointer(exec_properties["baseline_pointer"], **uris)


def default_root(uri: str) -> str:
    """`serving/` in the pipeline's root, from the place of an output artifact, `ROOT/STEP/KEY/EXECUTION`."""
    parts = os.path.abspath(uri) if is_local(uri) else uri.rstrip("/")
    return os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(parts))), "serving")


class Push(Pusher):
    """Pushes a model that is blessed; output `pushed_model`.

    Args:
        model: of `Pretrain`.
        evaluation_model, statistics: of `FitProbes` and StatisticsGen, to which the pointer is moved.
        model_blessing: of `Gate`.
        infra_blessing: of `CheckServing`.
        model_name: the folder of its versions, and its name in requests.
        serving_root: the folder of that folder; an empty text is `serving/` in the pipeline's root.
        fingerprint: of the code.
        baseline_pointer: a file to name the blessed model and its statistics in, where no resolver finds them.
    """

    SPEC_CLASS = PushSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(PushExecutor)

    def __init__(
        self,
        model: types.BaseChannel,
        evaluation_model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        infra_blessing: types.BaseChannel,
        statistics: types.BaseChannel,
        model_name: Any,
        serving_root: Any,
        fingerprint: str,
        baseline_pointer: Any = None,
    ):
        channels = {MODEL_KEY: model, MODEL_BLESSING_KEY: model_blessing, INFRA_BLESSING_KEY: infra_blessing}
        spec = PushSpec(
            **channels,
            evaluation_model=evaluation_model,
            statistics=statistics,
            model_name=model_name,
            serving_root=serving_root,
            baseline_pointer=baseline_pointer,
            fingerprint=fingerprint,
            pushed_model=types.Channel(type=standard_artifacts.PushedModel),
        )
        base_component.BaseComponent.__init__(self, spec=spec)
