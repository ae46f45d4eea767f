"""Checks a pushed model: replays its warm-up requests in a process that imports TensorFlow alone."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from looc_tf.errors import UserError
from looc_tf.export.saved_model import EXTRA
from pipeline.serving import server_process

WARMUP = f"{EXTRA}/tf_serving_warmup_requests"
TOLERANCE = 1e-3  # of a component of a unit vector, or of the trunk's features against their largest


@dataclass(frozen=True)
class Request:
    """One warm-up request: a signature and its inputs."""

    signature: str
    inputs: Mapping[str, np.ndarray]


def warmup_requests(model: Path) -> list[Request]:
    """The requests that TensorFlow Serving would replay at loading this model."""
    from tensorflow_serving.apis import prediction_log_pb2

    if not (model / WARMUP).is_file():
        raise UserError(f"Expected warm-up requests in {model / WARMUP}. There are none. Export the model again.")
    made = []
    for record in tf.data.TFRecordDataset(str(model / WARMUP)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        made.append(Request(request.model_spec.signature_name, inputs))
    return made


def answers(model: Path, requests: list[Request]) -> list[dict[str, np.ndarray]]:
    """What the model answers to each request in a fresh process that imports TensorFlow alone, on the CPU.

    Raises:
        UserError: it cannot be loaded there, or a signature fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, out = Path(folder, "requests.json"), Path(folder, "answers.npz")
        asked.write_text(json.dumps([_plain(request) for request in requests]))
        command = [sys.executable, server_process.__file__, str(model), str(asked), str(out)]
        alone = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}  # this process may hold the GPU
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=alone)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise UserError(f"The model in {model} does not answer in a process with TensorFlow alone: {last}")
        with np.load(out) as file:
            made: list[dict[str, np.ndarray]] = [{} for _ in requests]
            for name in file.files:
                number, _, output = name.partition("/")
                made[int(number)][output] = file[name]
    return made


def _plain(request: Request) -> dict:
    """A request as JSON: strings in base64, as over REST."""
    inputs = {}
    for name, value in request.inputs.items():
        if value.dtype.kind in "OS":
            inputs[name] = {"b64": [base64.b64encode(one).decode() for one in value.ravel()]}
        else:
            inputs[name] = {"values": value.tolist(), "dtype": value.dtype.name}
    return {"signature": request.signature, "inputs": inputs}


def differences(model: Path, expected: Mapping[str, object]) -> Iterator[tuple[str, str, float]]:
    """(signature, representation, largest relative difference) between a served model and the evaluator's functions.

    Args:
        model: the SavedModel.
        expected: signature -> the function that the evaluator embeds with.
    """
    requests = warmup_requests(model)
    for request, answer in zip(requests, answers(model, requests)):
        function = expected[request.signature]
        right = function(**{name: tf.constant(value) for name, value in request.inputs.items()})  # type: ignore[operator]
        if set(right) != set(answer):
            raise UserError(f"{request.signature} answers {sorted(answer)}; the evaluator knows {sorted(right)}.")
        for name, value in right.items():
            scale = max(float(np.abs(value).max()), 1e-6)
            yield request.signature, name, float(np.abs(answer[name] - value.numpy()).max()) / scale


def check_pushed(model: Path) -> Iterator[str]:
    """Replays the warm-up requests of a pushed model; a line for each answer.

    Raises:
        UserError: it does not load, a row is not finite, or an answer lacks a representation that the model declares.
    """
    about = json.loads((model / EXTRA / "looc.json").read_text(encoding="utf-8"))
    requests = warmup_requests(model)
    for request, answer in zip(requests, answers(model, requests)):
        for name, size in about["representations"].items():
            rows = answer.get(name)
            if rows is None or rows.shape[-1] != size or not np.isfinite(rows).all():
                found = "nothing" if rows is None else f"rows of {rows.shape[-1]}, finite: {np.isfinite(rows).all()}"
                raise UserError(
                    f"{model}: signature {request.signature!r} should answer {name!r} with rows of {size} finite "
                    f"numbers. Received {found}. Push the model again."
                )
        shapes = ", ".join(f"{name} {list(rows.shape)}" for name, rows in answer.items())
        yield f"{request.signature}: {shapes}"
