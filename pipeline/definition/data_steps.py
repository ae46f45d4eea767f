"""The steps on pictures, before any training: import, statistics, schema, validation, drift."""

from __future__ import annotations

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import components
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.proto import example_gen_pb2
from tfx.types import BaseChannel, Channel
from tfx.types.standard_artifacts import ExampleStatistics

from pipeline.baseline.resolvers import LatestOther
from pipeline.definition.settings import PipelineSettings
from pipeline.examples.example import FEATURES
from pipeline.examples.origin import RecordFiles
from pipeline.fingerprint import code_fingerprint
from pipeline.steps.check_data import CheckData
from pipeline.steps.import_example_gen import ImportExampleGen


def import_records(records: RecordFiles) -> ImportExampleGen:
    """ImportExampleGen on record files; where their names declare no splits, 80/10/10 by a hash of the record."""
    splits = [example_gen_pb2.Input.Split(name=name or "all", pattern=p) for name, p in records.patterns.items()]
    parts = [("train", 8), ("validation", 1), ("test", 1)] if set(records.patterns) == {""} else []
    cut = [example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=share) for name, share in parts]
    output = example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=cut)) if cut else None
    return ImportExampleGen(
        records.folder, example_gen_pb2.Input(splits=splits), output, code_fingerprint(ImportExampleGen.__module__)
    )


def statistics_of(examples: BaseChannel) -> components.StatisticsGen:
    """StatisticsGen on the features that are not pictures."""
    features = [schema_pb2.Feature(name=name, type=kind) for name, kind in FEATURES.items()]
    read = tfdv.StatsOptions(schema=schema_pb2.Schema(feature=features), experimental_filter_read_paths=True)
    return components.StatisticsGen(examples=examples, stats_options=read)


def data_checks(examples: BaseChannel, report: BaseChannel, settings: PipelineSettings) -> list[BaseNode]:
    """Statistics, schema, validation, and, last, the step that stops a run whose pictures break the schema.

    Args:
        examples, report: of `Pictures`.
        settings: of the pipeline: here its schema counts, and how the statistics of an earlier run are found.
    """
    statistics = statistics_of(examples)
    counted = statistics.outputs["statistics"]
    schema, pointer = settings.schema, settings.pointer
    shape = ImportSchemaGen(schema_file=schema) if schema else components.SchemaGen(statistics=counted)
    validator = components.ExampleValidator(statistics=counted, schema=shape.outputs["schema"])
    found = _earlier_statistics(counted) if settings.baseline == "local" else []
    check = CheckData(
        statistics=counted,
        anomalies=validator.outputs["anomalies"],
        schema=shape.outputs["schema"],
        pictures=report,
        fingerprint=code_fingerprint(CheckData.__module__),
        **({"previous": found[0].outputs["earlier"]} if found else {}),
        **({"baseline_pointer": pointer} if pointer is not None else {}),
    )
    return [statistics, shape, validator, *found, check]


def _earlier_statistics(current: BaseChannel) -> list[BaseNode]:
    """What finds the statistics of the run before."""
    channels = {"earlier": Channel(type=ExampleStatistics), "current": current}
    return [Resolver(strategy_class=LatestOther, **channels).with_id("EarlierStatistics")]
