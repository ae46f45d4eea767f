"""The step `Represent`: embeddings of pictures with the exported model, on Beam, as Parquet files."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow
import tensorflow as tf
from apache_beam.io.parquetio import WriteToParquet
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import io_utils, path_utils
from tfx_bsl.public.beam import RunInference
from tfx_bsl.public.proto import model_spec_pb2

from looc_tf.errors import UserError
from looc_tf.export.saved_model import EXTRA
from pipeline.artifacts import Embeddings
from pipeline.storage import read_text

BATCH = 128  # pictures embedded at a time
GROUP = 4 << 20  # bytes of embeddings that are held until they are written


@component(use_beam=True)
def Represent(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    embeddings: OutputArtifact[Embeddings],
    fingerprint: Parameter[str],
    splits: Parameter[str] = "test",
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes `<split>-*.parquet`: a column `id` and, per representation, one of lists of float32.

    Args:
        splits: names separated by commas, or "all".
        fingerprint: of the code.
    """
    del fingerprint
    known = artifact_utils.decode_split_names(examples.split_names)
    asked = named_splits(splits, known)
    path = path_utils.serving_model_dir(model.uri)
    sizes = json.loads(read_text(os.path.join(path, EXTRA, "looc.json")))["representations"]
    columns = [(name, pyarrow.list_(pyarrow.float32())) for name in sizes]
    schema = pyarrow.schema([("id", pyarrow.string()), *columns])
    inference = model_spec_pb2.InferenceSpecType(
        saved_model_spec=model_spec_pb2.SavedModelSpec(model_path=path, signature_name=["examples"]),
        batch_parameters=model_spec_pb2.BatchParameters(max_batch_size=BATCH),
    )
    with beam_pipeline as job:
        for split in asked:
            files = io_utils.all_files_pattern(artifact_utils.get_split_uri([examples], split))
            _ = (
                job
                | f"Read[{split}]" >> beam.io.ReadFromTFRecord(files)
                | f"Key[{split}]" >> beam.Map(_with_id)
                | f"Embed[{split}]" >> RunInference(inference)
                | f"Rows[{split}]" >> beam.FlatMap(rows)
                | f"Write[{split}]"
                >> WriteToParquet(
                    os.path.join(embeddings.uri, split),
                    schema,
                    row_group_buffer_size=GROUP,
                    file_name_suffix=".parquet",
                )
            )


def named_splits(text: str, known: Sequence[str]) -> list[str]:
    """The splits that a text means: names separated by commas, or "all".

    Raises:
        UserError: there is no such split.
    """
    asked = list(known) if text.strip() == "all" else [name.strip() for name in text.split(",")]
    for name in asked:
        if name not in known:
            raise UserError(f"Embeddings of {name!r} were asked for. Expected all, or some of {', '.join(known)}.")
    return asked


def _with_id(serialized: bytes) -> tuple[bytes, bytes]:
    return tf.train.Example.FromString(serialized).features.feature["id"].bytes_list.value[0], serialized


def rows(answer: tuple[bytes, Any]) -> Iterator[dict[str, Any]]:
    """(id, PredictionLog) -> a row of the table."""
    name, log = answer
    outputs = log.predict_log.response.outputs
    yield {"id": name.decode(), **{key: tf.make_ndarray(value).ravel().tolist() for key, value in outputs.items()}}
