"""The pushed model as its users meet it: TensorFlow's own tools, a process without this project, gRPC."""

import ast
import json
import re
import subprocess
import sys
from concurrent import futures

import pytest

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from looc_tf.data.pixels import PLAIN, Pixels
from looc_tf.errors import UserError
from looc_tf.export.serving_page import serving_page
from pipeline.metadata import status
from pipeline.serving import replay


@pytest.fixture
def model(made):
    return status.latest_pushed(made.root)


def test_saved_model_cli_shows_the_signatures(model):
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "show", "--dir", str(model), "--all"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for signature in ("serving_default", "images", "squares", "examples"):
        assert f"signature_def['{signature}']" in shown


class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """TensorFlow Serving's service, answered by the model in this process."""

    def __init__(self, model):
        self.loaded = tf.saved_model.load(str(model))

    def Predict(self, request, context):
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        answer = predict_pb2.PredictResponse()
        for name, value in self.loaded.signatures[request.model_spec.signature_name](**inputs).items():
            answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return answer


def test_warm_up_requests_over_grpc_answer_as_in_a_process_of_their_own(model):
    server = grpc.server(futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Servicer(model), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
        requests = replay.warmup_requests(model)
        assert {request.signature for request in requests} == {"serving_default", "images", "squares", "examples"}
        for request, right in zip(requests, replay.answers(model, requests)):
            message = predict_pb2.PredictRequest()
            message.model_spec.name, message.model_spec.signature_name = "looc", request.signature
            for name, value in request.inputs.items():
                message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            answer = {name: tf.make_ndarray(value) for name, value in stub.Predict(message, timeout=60).outputs.items()}
            assert set(answer) == set(right) == {"trunk", "all", "rotation"}
            for name, rows in right.items():
                np.testing.assert_allclose(answer[name], rows, atol=1e-5)
    finally:
        server.stop(None)


def test_the_process_imports_nothing_of_this_project():
    """Only TensorFlow, NumPy and the standard library are named in it."""
    from pipeline.serving import server_process

    code = f"import sys, runpy; runpy.run_path({server_process.__file__!r}); print('looc_tf' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "False"


def test_a_model_that_does_not_load_is_one_line(tmp_path):
    with pytest.raises(UserError, match="does not answer in a process with TensorFlow alone"):
        replay.answers(tmp_path, [])
    with pytest.raises(UserError, match="Expected warm-up requests"):
        replay.warmup_requests(tmp_path)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (PLAIN, ["[B, height, width, 3]", "[[[[255, 0, 0], [0, 0, 255]]]]", "decode_jpeg"]),
        (
            Pixels(ranges=((0, 4095),), kind="uint16"),
            ["`intensities` takes what the files hold", '"intensities": [[[[255, 0, 0], [0, 0, 255]]]]'],
        ),
        (
            Pixels(bands=(3, 0), ranges=((0, 4095),) * 2, kind="uint16"),
            ["[B, 16, 16, 2]", '"images": [[[[255, 0], [0, 255]]]]', "[[[[255, 0, 0, 0], [0, 0, 0, 255]]]]"],
        ),
    ],
)  # fmt: skip
def test_the_page_on_serving_asks_with_as_many_channels_as_the_model_takes(tmp_path, rule, wanted):
    about = {
        "representations": {"trunk": 8},
        "experiment": "tiny",
        "step": 3,
        "looc_tf": "1",
        "preprocessing": {"data_size": 16, "pixels": rule.record()},
    }
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "looc.json").write_text(json.dumps(about))
    page = serving_page(tmp_path, "looc", "/models/looc")
    ast.parse(page.partition("```python\n")[2].partition("```")[0])  # and a request for each signature is in it
    assert [f'ask("{name}"' in page for name in ("images", "squares", "examples")] == [True] * 3
    assert ('ask("intensities"' in page) is not rule.plain
    assert all(text in page for text in wanted), page
    assert ("intensities" in page) is not rule.plain
    requests = [json.loads(text) for text in re.findall(r"-d '(.*)'$", page, re.MULTILINE) if "base64" not in text]
    assert [each["signature_name"] for each in requests] == ["images", "intensities"][: 1 + (not rule.plain)]
