"""The step `ImportExampleGen`: TFX's, with memory that does not grow with the records."""

from __future__ import annotations

import os
from typing import Any

import apache_beam as beam
from google.protobuf import any_pb2, wrappers_pb2
from tfx.components import FileBasedExampleGen
from tfx.components.example_gen import utils
from tfx.components.example_gen.import_example_gen import executor
from tfx.components.example_gen.write_split import DEFAULT_TF_RECORD_FILE_NAME
from tfx.components.util import examples_utils
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import EXAMPLES_KEY, INPUT_CONFIG_KEY, OUTPUT_CONFIG_KEY
from tfx.utils import proto_utils


class ImportExecutor(executor.Executor):
    """Writes what TFX's executor reads and splits, in the order in which it is read.

    TFX shuffles first, for which Beam's local runner holds all records in memory, several times over. The order is of
    no consequence: a training draws its own.
    """

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        examples = artifact_utils.get_single_instance(output_dict[EXAMPLES_KEY])
        configs = example_gen_pb2.Input(), example_gen_pb2.Output()
        for key, config in zip((INPUT_CONFIG_KEY, OUTPUT_CONFIG_KEY), configs):
            proto_utils.json_to_proto(exec_properties[key], config)
        examples.split_names = artifact_utils.encode_split_names(utils.generate_output_split_names(*configs))
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        with self._make_beam_pipeline() as job:
            for split, records in self.GenerateExamplesByBeam(job, exec_properties).items():
                place = artifact_utils.get_split_uri([examples], split)
                _ = (
                    records
                    | f"Serialize[{split}]" >> beam.Map(lambda example: example.SerializeToString())
                    | f"Write[{split}]"
                    >> beam.io.WriteToTFRecord(os.path.join(place, DEFAULT_TF_RECORD_FILE_NAME), file_name_suffix=".gz")
                )


class ImportExampleGen(FileBasedExampleGen):
    """Imports record files of tf.Example; output `examples`, packed record files.

    Args:
        folder: of the record files.
        splits: the pattern of each split.
        output: how to cut a single split into several, if any.
        fingerprint: of the code.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(ImportExecutor)

    def __init__(
        self, folder: str, splits: example_gen_pb2.Input, output: example_gen_pb2.Output | None, fingerprint: str
    ):
        code = any_pb2.Any()
        code.Pack(wrappers_pb2.StringValue(value=fingerprint))
        super().__init__(
            input_base=folder,
            input_config=splits,
            output_config=output,
            custom_config=example_gen_pb2.CustomConfig(custom_config=code),
        )
