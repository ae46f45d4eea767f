"""The thresholds of a config as a config of TFMA, and TFMA's results as a verdict with its reasons."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from looc_tf.config import Gate, check_gate
from looc_tf.config.convert import from_plain, to_plain
from looc_tf.errors import UserError
from looc_tf.evaluate import LINEAR_PROBES
from pipeline.judging.evaluation_model import SIGNATURE

METRIC = "SparseCategoricalAccuracy"
NAME = "sparse_categorical_accuracy"
Outputs = Mapping[str, Mapping[str, Any]]  # output -> what `Question.about` says of it


def to_text(gate: Gate) -> str:
    """The thresholds as one parameter."""
    return json.dumps(to_plain(gate), sort_keys=True)


def from_text(text: str) -> Gate:
    """The inverse of `to_text`; fields that are left out take their defaults."""
    try:
        return from_plain(Gate, json.loads(text or "{}"))
    except ValueError as error:
        raise UserError(f'Expected thresholds as JSON, such as {{"drop": 3}}. Received {text!r}: {error}.') from error


@dataclasses.dataclass(frozen=True)
class Demand:
    """The thresholds of one output, in percent; no `drop` where there is nothing to compare with."""

    floor: float
    drop: float | None


def demands(gate: Gate, outputs: Outputs, baseline: Outputs) -> dict[str, Demand]:
    """Output -> its thresholds.

    Raises:
        UserError: a threshold names a representation or probe that the model has not.
    """
    check_gate(gate, dict.fromkeys(about["representation"] for about in outputs.values()), LINEAR_PROBES)
    _answered(gate, outputs)
    return {
        name: Demand(
            gate.floors.get(about["representation"], {}).get(about["probe"], gate.floor),
            gate.drops.get(about["representation"], {}).get(about["probe"], gate.drop)
            if comparable(about, baseline.get(name))
            else None,
        )
        for name, about in outputs.items()
    }


def _answered(gate: Gate, outputs: Outputs) -> None:
    for field, table in (("floors", gate.floors), ("drops", gate.drops)):
        for representation, values in table.items():
            for probe in values:
                if f"{representation}.{probe}" not in outputs:
                    raise UserError(
                        f"gate.{field}.{representation}.{probe} cannot be judged: these pictures have no such label, "
                        f"or the probe is none that examples can ask. Expected one of {', '.join(outputs)}."
                    )


def comparable(about: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """Whether two models answer the same question: same label, same classes in the same order."""
    return other is not None and all(about[key] == other[key] for key in ("label", "classes", "names"))


def eval_config(
    asked: Mapping[str, Demand], outputs: Outputs, baseline: Outputs, weight: str = ""
) -> config_pb2.EvalConfig:
    """TFMA's config: one accuracy per output, of all pictures and of each class.

    Args:
        asked: see `demands`.
        outputs, baseline: of the two models; {} where there is no baseline.
        weight: a feature that is 0 where a picture has no label; needed only where some have none.
    """
    compared = {name for name, one in asked.items() if one.drop is not None}
    specs = [_model("candidate", outputs, outputs, weight)]
    if compared:
        specs.append(_model("baseline", baseline, {name: outputs[name] for name in compared}, weight))
    slices = [config_pb2.SlicingSpec()]
    if any(about["label"] == "label" for about in outputs.values()):
        slices.append(config_pb2.SlicingSpec(feature_keys=["label"]))
    models = ["candidate", *(["baseline"] if compared else [])]
    metrics = [
        config_pb2.MetricsSpec(
            output_names=[name],
            model_names=models if name in compared else ["candidate"],
            metrics=[config_pb2.MetricConfig(class_name=METRIC, per_slice_thresholds=[_threshold(one)])],
        )
        for name, one in asked.items()
    ]
    return config_pb2.EvalConfig(model_specs=specs, slicing_specs=slices, metrics_specs=metrics)


def _model(name: str, outputs: Outputs, judged: Outputs, weight: str) -> config_pb2.ModelSpec:
    labels = {output: about["label"] for output, about in outputs.items()}
    weights = {output: weight for output, about in judged.items() if about["label"] == "label"} if weight else {}
    return config_pb2.ModelSpec(
        name=name,
        is_baseline=name == "baseline",
        signature_name=SIGNATURE,
        label_keys=labels,
        example_weight_keys=weights,
    )


def _threshold(asked: Demand) -> config_pb2.PerSliceMetricThreshold:
    """For all pictures together: a threshold without a slice would hold for each class, of a few pictures, as well."""
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": asked.floor / 100})
    )
    if asked.drop is not None:
        threshold.change_threshold.direction = config_pb2.HIGHER_IS_BETTER
        threshold.change_threshold.absolute.value = -asked.drop / 100
    return config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold)


def verdict(path: str, asked: Mapping[str, Demand]) -> dict[str, dict[str, Any]]:
    """Output -> value, baseline, floor, drop and whether they are met, in percent, from what TFMA wrote."""
    values = _overall(path)
    made = {}
    for output, one in asked.items():
        value, before = values["candidate", output], values.get(("baseline", output))
        row = {"value": value, "baseline": before, "floor": one.floor, "drop": one.drop}
        made[output] = {**row, "reason": reason(output, value, before, one)}
    return made


def reason(output: str, value: float, before: float | None, asked: Demand) -> str:
    """Why an output is refused, or an empty text."""
    if value < asked.floor:
        return f"{output} reads {value:.1f} %, below its floor of {asked.floor:g} %"
    if asked.drop is not None and before is not None and value - before < -asked.drop:
        return f"{output} fell from {before:.1f} to {value:.1f} %, by more than the {asked.drop:g} points allowed"
    return ""


def _overall(path: str) -> dict[tuple[str, str], float]:
    """(model, output) -> accuracy in percent over all pictures."""
    found = {}
    for row in tfma.load_metrics(path):
        if row.slice_key.single_slice_keys:
            continue
        for pair in row.metric_keys_and_values:
            if pair.key.name == NAME and not pair.key.is_diff:
                value = round(100 * pair.value.double_value.value, 4)
                found[pair.key.model_name or "candidate", pair.key.output_name] = value
    return found


def refusals(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The reasons of all outputs that are refused."""
    return [row["reason"] for row in verdicts if row["reason"]]
