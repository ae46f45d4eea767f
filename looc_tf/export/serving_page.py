"""`serving.md`: how to start TensorFlow Serving on an exported model, and a request for each of its signatures."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from urllib.parse import quote

from looc_tf.data.pixels import RGB
from looc_tf.export.saved_model import EXTRA, recorded_rule
from looc_tf.files import write_atomically, writing

FILE, TITLE = "serving.md", "# Serving "

PAGE = """# Serving {name}

{about}

Start TensorFlow Serving (it loads the highest version in the folder, and later ones as they are pushed):

```sh
docker run --rm -p 8500:8500 -p 8501:8501 -e {variable} \\
    -v {volume} tensorflow/serving:2.15.1
```

Or without docker, by `tensorflow-model-server` from TensorFlow's
[packages for Debian and Ubuntu](https://www.tensorflow.org/tfx/serving/setup#installing_using_apt):

```sh
tensorflow_model_server --port=8500 --rest_api_port=8501 {model_name} {model_base_path}
```

Every signature answers with {representations}, one row per picture.

## REST

`serving_default` takes picture files (JPEG, PNG, GIF or BMP) in base64:

```sh
curl -s {address} \\
    -d '{{"instances": [{{"image_bytes": {{"b64": "'"$(base64 -w0 cat.jpg)"'"}}}}]}}'
```

`images` takes pixels, `[B, height, width, {channels}]` in 0 to 255, of any size:

```sh
curl -s {address} \\
    -d '{{"signature_name": "images", "inputs": {{"images": {pixels}}}}}'
```

`squares` takes pixels that are squares of {size} x {size} already, `[B, {size}, {size}, {channels}]` in 0 to 255 (input
`squares`), with no operation that is not in TFLite.
{intensities}
`examples` takes serialized `tf.Example`s with a picture file in `image`, in base64:

```sh
curl -s {address} \\
    -d '{{"signature_name": "examples", "inputs": {{"examples": [{{"b64": "'"$(base64 -w0 one.tf_example)"'"}}]}}}}'
```

## gRPC

It takes `pip install tensorflow-serving-api`, of TensorFlow's own version:

```python
import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

stub = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel("localhost:8500"))


def ask(signature, **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = {text}, signature
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    answer = stub.Predict(request, timeout=10.0)
    return {{key: tf.make_ndarray(value) for key, value in answer.outputs.items()}}


picture = open("cat.jpg", "rb").read()
feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[picture]))
example = tf.train.Example(features=tf.train.Features(feature={{"image": feature}}))

ask("serving_default", image_bytes=[picture])
ask("images", images={decoded})
ask("squares", squares=tf.zeros([1, {size}, {size}, {channels}], tf.uint8))
ask("examples", examples=[example.SerializeToString()])
{ask_intensities}```
"""

INTENSITIES = """
`intensities` takes what the files hold, `[B, height, width, bands]` in their own units, of any size; NaN is "no data":

```sh
curl -s {address} \\
    -d '{{"signature_name": "intensities", "inputs": {{"intensities": {pixels}}}}}'
```
"""


def serving_page(model: Path, name: str, folder: str) -> str:
    """The page on an exported model.

    Args:
        model: its SavedModel.
        name: under which it is served.
        folder: of its versions.
    """
    about = json.loads((model / EXTRA / "looc.json").read_text(encoding="utf-8"))
    representations = ", ".join(f"`{key}` (float32 `[B, {size}]`)" for key, size in about["representations"].items())
    line = f"Experiment `{about.get('experiment')}`, step {about.get('step')}, looc_tf {about['looc_tf']}."
    size, rule = about["preprocessing"]["data_size"], recorded_rule(model)
    address = shlex.quote(f"http://localhost:8501/v1/models/{quote(name, safe='')}:predict")
    pixels, bands = _two(rule.channels), _two(max(rule.bands, default=RGB - 1) + 1)
    return PAGE.format(
        size=size,
        channels=rule.channels,
        pixels=pixels,
        intensities="" if rule.plain else INTENSITIES.format(address=address, pixels=bands),
        ask_intensities="" if rule.plain else f'ask("intensities", intensities=tf.constant({bands}, tf.float32))\n',
        decoded="tf.io.decode_jpeg(picture)[None]" if rule.plain else f"tf.constant({pixels}, tf.uint8)",
        name=name,
        text=json.dumps(name),
        address=address,
        variable=shlex.quote(f"MODEL_NAME={name}"),
        volume=shlex.quote(f"{folder}:/models/{name}"),
        model_name=shlex.quote(f"--model_name={name}"),
        model_base_path=shlex.quote(f"--model_base_path={folder}"),
        about=line,
        representations=representations,
    )


def write_serving_page(model: Path) -> Path:
    """Writes the page beside the versions of an export, for the one that was written last; served under their name.

    A file of that name that is somebody's own stays as it is.
    """
    folder = model.resolve().parent
    path = model.parent / FILE
    if not path.exists() or path.read_bytes().startswith(TITLE.encode()):
        with writing(path):
            write_atomically(path, serving_page(model, re.sub(r"[^\w.-]+", "-", folder.name) or "looc", str(folder)))
    return path


def _two(channels: int) -> str:
    """A picture of two pixels and so many channels, as JSON."""
    return json.dumps([[[[255] + [0] * (channels - 1), [0] * (channels - 1) + [255]]]])
