"""The step `Gate`: TFX's Evaluator, with thresholds per representation and probe."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

from tfx import types
from tfx.components.evaluator import executor
from tfx.components.evaluator.constants import ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ExecutionParameter
from tfx.types.standard_component_specs import (
    BASELINE_MODEL_KEY,
    BLESSING_KEY,
    EVAL_CONFIG_KEY,
    EVALUATION_KEY,
    EXAMPLE_SPLITS_KEY,
    EXAMPLES_KEY,
    MODEL_KEY,
    EvaluatorSpec,
)
from tfx.utils import proto_utils

from pipeline.artifacts import PROBES_FILE, VERDICT_FILE
from pipeline.baseline.pointer import read_pointer
from pipeline.judging import thresholds
from pipeline.probes import LABELLED
from pipeline.storage import read_text, write_text

Artifacts = dict[str, list[types.Artifact]]
Demands = dict[str, thresholds.Demand]  # output -> its thresholds


class GateSpec(EvaluatorSpec):
    """The Evaluator's, with the thresholds of a config in the place of a TFMA config."""

    PARAMETERS = {  # noqa: RUF012  (TFX reads it from the class)
        **EvaluatorSpec.PARAMETERS,
        "thresholds": ExecutionParameter(type=str),
        "baseline_pointer": ExecutionParameter(type=str, optional=True),
        "fingerprint": ExecutionParameter(type=str),
    }


class GateExecutor(executor.Executor):
    """Builds TFMA's config from what the two models really answer, lets the Evaluator judge, and writes down why.

    The stock Evaluator takes a TFMA config made before the run. Which outputs there are is known only after the
    probes, an older model may lack a space of the new one (which then counts by its floor alone), and an operator
    changes two numbers, not a protocol buffer. A subclass, since Vertex rewrites the ids in a blessing for these alone.
    """

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        inputs = {key: list(value) for key, value in input_dict.items()}
        named = read_pointer(exec_properties.get("baseline_pointer") or "", "model", standard_artifacts.Model)
        if named:
            inputs[BASELINE_MODEL_KEY] = [named]
        models = _outputs(inputs, MODEL_KEY), _outputs(inputs, BASELINE_MODEL_KEY)
        asked = thresholds.demands(thresholds.from_text(exec_properties["thresholds"]), *models)
        rows = self._judged(inputs, output_dict, exec_properties, asked)
        risen = [name for name, row in rows.items() if row["baseline"] == 0]
        if risen:  # TFMA also divides by the baseline, and refuses what it cannot divide; nothing can fall below 0
            asked |= {name: dataclasses.replace(asked[name], drop=None) for name in risen}
            _clear(output_dict)
            rows = self._judged(inputs, output_dict, exec_properties, asked)
            rows |= {name: {**rows[name], "baseline": 0.0} for name in risen}
        if named:  # it has no id in this run's metadata, and TFX's container would look for its name there
            blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
            blessing.mlmd_artifact.custom_properties.pop(ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, None)
        _write_verdict(inputs, output_dict, rows)

    def _judged(
        self, inputs: Artifacts, outputs: Any, properties: dict[str, Any], asked: Demands
    ) -> dict[str, dict[str, Any]]:
        """Lets the Evaluator judge by these thresholds; `thresholds.verdict` of what it wrote."""
        given = dict(inputs)
        if all(one.drop is None for one in asked.values()):
            given.pop(BASELINE_MODEL_KEY, None)  # nothing that both answer: TFMA would ask for both all the same
        weight = LABELLED if _unlabelled(inputs) else ""
        models = _outputs(inputs, MODEL_KEY), _outputs(inputs, BASELINE_MODEL_KEY)
        config = thresholds.eval_config(asked, *models, weight=weight)
        judged = {EVAL_CONFIG_KEY: proto_utils.proto_to_json(config), EXAMPLE_SPLITS_KEY: json.dumps(["test"])}
        super().Do(given, outputs, {**properties, **judged})
        return thresholds.verdict(artifact_utils.get_single_uri(outputs[EVALUATION_KEY]), asked)


def _clear(outputs: Any) -> None:
    for key in (EVALUATION_KEY, BLESSING_KEY):
        uri = artifact_utils.get_single_uri(outputs[key])
        fileio.rmtree(uri)
        fileio.makedirs(uri)


def _outputs(inputs: Artifacts, key: str) -> dict[str, Any]:
    """What the model of an input answers; nothing where there is no model."""
    if not inputs.get(key):
        return {}
    return json.loads(read_text(os.path.join(inputs[key][0].uri, PROBES_FILE)))["outputs"]


def _unlabelled(inputs: Artifacts) -> bool:
    """Whether some of the pictures that have labels at all have none."""
    about = os.path.join(inputs[MODEL_KEY][0].uri, PROBES_FILE)
    return bool(json.loads(read_text(about)).get("unlabelled"))


def _write_verdict(inputs: Artifacts, outputs: Any, rows: dict[str, dict[str, Any]]) -> None:
    uri = artifact_utils.get_single_uri(outputs[EVALUATION_KEY])
    blessing = artifact_utils.get_single_instance(outputs[BLESSING_KEY])
    compared = any(row["baseline"] is not None for row in rows.values())
    blessed = blessing.get_int_custom_property("blessed") == 1
    reasons = thresholds.refusals(rows.values())
    if not blessed and not reasons:
        reasons = ["TFMA refuses the model; see its validation result"]
    about = {"blessed": blessed, "baseline": inputs[BASELINE_MODEL_KEY][0].uri if compared else ""}
    verdict = {**about, "reasons": reasons, "outputs": rows}
    write_text(os.path.join(uri, VERDICT_FILE), json.dumps(verdict, indent=2) + "\n")


class Gate(base_beam_component.BaseBeamComponent):
    """Judges an evaluation model; outputs `evaluation` (TFMA's, with `gate.json`) and `blessing`.

    Args:
        examples: of `Pictures`; the test part is used.
        model: of `FitProbes`.
        thresholds: see `pipeline.judging.thresholds.to_text`.
        fingerprint: of the code.
        baseline_model: the model to compare with, if any.
        baseline_pointer: a file that names one, where no resolver can.
    """

    SPEC_CLASS = GateSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(GateExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        thresholds: Any,
        fingerprint: str,
        baseline_model: types.BaseChannel | None = None,
        baseline_pointer: Any = None,
    ):
        spec = GateSpec(
            **{EXAMPLES_KEY: examples, MODEL_KEY: model, BASELINE_MODEL_KEY: baseline_model},
            thresholds=thresholds,
            baseline_pointer=baseline_pointer,
            fingerprint=fingerprint,
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)
