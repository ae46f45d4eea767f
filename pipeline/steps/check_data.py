"""The step `CheckData`: stops a run whose pictures break the schema, and says how far they have moved."""

import json
import logging
import os
from typing import Any

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies, ExampleStatistics, Schema
from tfx.utils import io_utils

from looc_tf.data import Census
from looc_tf.errors import UserError
from pipeline.artifacts import DATA_REPORT_FILE, DataReport
from pipeline.baseline.pointer import read_pointer
from pipeline.storage import read_text, write_text

log = logging.getLogger(__name__)

DRIFT = 0.1  # Jensen-Shannon divergence, or largest difference of a share, from which on a feature counts as moved
NUMBERS, WORDS = ("height", "width", "brightness", "saturation", "labelled"), ("format", "mode")


@component
def CheckData(
    statistics: InputArtifact[ExampleStatistics],
    anomalies: InputArtifact[ExampleAnomalies],
    schema: InputArtifact[Schema],
    pictures: InputArtifact[DataReport],
    report: OutputArtifact[DataReport],
    fingerprint: Parameter[str],
    previous: InputArtifact[ExampleStatistics] = None,
    baseline_pointer: Parameter[str] = "",
) -> None:
    """Gathers anomalies, drift against earlier statistics, and broken pictures into `report.json`.

    Args:
        previous: the statistics of the run before, if any.
        baseline_pointer: a file that names those of the latest blessed run, where no resolver can.
        fingerprint: of the code.

    Raises:
        UserError: the pictures break the schema.
    """
    del fingerprint
    broken = _anomalies(anomalies)
    if broken:
        more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise UserError(f"The pictures break the schema: {broken[0]}{more}. Correct the pictures, or the schema.")
    now = _statistics(statistics)
    before = previous or read_pointer(baseline_pointer, "statistics", ExampleStatistics)
    drift = _drift(now, _statistics(before), _schema(schema)) if before else {}
    about = json.loads(read_text(os.path.join(pictures.uri, DATA_REPORT_FILE)))
    census = Census.read(about.get("census"))
    for line in census.lines if census else ():
        log.info("%s", line)
    about |= {"summary": summary(now), "drift": drift, "moved": [name for name, far in drift.items() if far > DRIFT]}
    write_text(os.path.join(report.uri, DATA_REPORT_FILE), json.dumps(about, indent=2) + "\n")


def summary(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, Any]:
    """What matters of the training pictures: sizes, formats, modes, brightness, saturation, share of labels."""
    made: dict[str, Any] = {}
    for feature in statistics.datasets[0].features:
        name = feature.path.step[0] if feature.path.step else feature.name
        if name in NUMBERS:
            number = feature.num_stats
            made[name] = {key: round(getattr(number, key), 4) for key in ("min", "median", "max", "mean", "std_dev")}
        elif name in WORDS:
            made[name] = {
                bucket.label: int(bucket.sample_count) for bucket in feature.string_stats.rank_histogram.buckets
            }
    return made


def _anomalies(artifact: ExampleAnomalies) -> list[str]:
    found = []
    for split in artifact_utils.decode_split_names(artifact.split_names):
        message = anomalies_pb2.Anomalies()
        path = os.path.join(artifact.uri, f"Split-{split}", "SchemaDiff.pb")
        with fileio.open(path, "rb") as file:
            message.ParseFromString(file.read())
        for name, info in sorted(message.anomaly_info.items()):
            found.append(f"{name} ({split}): {info.description.strip().rstrip('.')}")
        if message.dataset_anomaly_info.description:
            found.append(f"{split}: {message.dataset_anomaly_info.description}")
    return found


def _statistics(artifact: ExampleStatistics) -> statistics_pb2.DatasetFeatureStatisticsList:
    return tfdv.load_stats_binary(os.path.join(artifact.uri, "Split-train", "FeatureStats.pb"))


def _schema(artifact: Schema) -> schema_pb2.Schema:
    return io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(artifact.uri))


def _drift(
    now: statistics_pb2.DatasetFeatureStatisticsList,
    before: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
) -> dict[str, float]:
    """Feature -> how far it has moved, from 0 (not at all) to 1."""
    for feature in schema.feature:
        if feature.name in NUMBERS:
            feature.drift_comparator.jensen_shannon_divergence.threshold = DRIFT
        elif feature.name in WORDS:
            feature.drift_comparator.infinity_norm.threshold = DRIFT
    found = tfdv.validate_statistics(now, schema, previous_statistics=before)
    return {
        info.path.step[0]: round(measure.value, 6)
        for info in found.drift_skew_info
        for measure in info.drift_measurements
    }
