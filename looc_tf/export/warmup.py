"""Warm-up requests: what TensorFlow Serving replays when it loads a version, so that no user waits for the first run.

The file is a TFRecord of `tensorflow.serving.PredictionLog` messages. tensorflow-serving-api, which defines them, would
bring gRPC and its own pin of TensorFlow for four small messages; they are written here field by field instead. Field
numbers: apis/prediction_log.proto, apis/predict.proto and apis/model.proto of github.com/tensorflow/serving.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from looc_tf.data.decode import decode_square
from looc_tf.data.pixels import PLAIN, Pixels, stacked_png


def write_warmup(path: Path, size: int, picture: bytes | None = None, rule: Pixels = PLAIN) -> None:
    """Writes one request for each signature of an export.

    Args:
        path: the file, `assets.extra/tf_serving_warmup_requests` of a SavedModel.
        size: pixels of the side at which the export holds pictures.
        picture: the file to send; a drawn one by default, once as PNG and once as JPEG.
        rule: by which its pictures became 8 bits.
    """
    drawn = _drawing(max(size, 32))
    files = [picture] if picture else [tf.io.encode_png(drawn).numpy(), tf.io.encode_jpeg(drawn).numpy()]
    if rule.bands and not picture:
        files = [stacked_png(np.repeat(drawn.numpy()[..., :1], rule.channels, axis=-1))]
    pixels = tf.stack([decode_square(tf.constant(file), size, rule) for file in files])
    requests = {
        "serving_default": {"image_bytes": tf.constant(files)},
        "images": {"images": pixels},
        "squares": {"squares": pixels},
        "examples": {"examples": tf.constant([_example(file) for file in files])},
    }
    if not rule.plain:
        count = max(rule.bands, default=2) + 1
        requests["intensities"] = {"intensities": tf.repeat(tf.cast(pixels[..., :1], tf.float32), count, axis=-1)}
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests.items():
            writer.write(prediction_log(signature, inputs))


def prediction_log(signature: str, inputs: Mapping[str, tf.Tensor], model: str = "looc") -> bytes:
    """A serialized `PredictionLog` of one predict request."""
    spec = _field(1, model.encode()) + _field(3, signature.encode())  # ModelSpec: name, signature_name
    request = _field(
        1, spec
    )  # PredictRequest: model_spec, then the map `inputs`, each entry a message of key and value
    for name, value in inputs.items():
        request += _field(2, _field(1, name.encode()) + _field(2, tf.make_tensor_proto(value).SerializeToString()))
    return _field(6, _field(1, request))  # PredictionLog.predict_log, PredictLog.request


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field (wire type 2), for numbers below 16."""
    length, size = bytearray(), len(payload)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + payload


def _example(file: bytes) -> bytes:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[file]))
    return tf.train.Example(features=tf.train.Features(feature={"image": feature})).SerializeToString()


def _drawing(size: int) -> tf.Tensor:
    """uint8 [size, size, 3]: a disc on a slope of colors."""
    across, down = tf.meshgrid(tf.linspace(-1.0, 1.0, size), tf.linspace(-1.0, 1.0, size))
    slope = tf.stack([(across + 1) / 2, (down + 1) / 2, (1 - across) / 2], axis=-1)
    disc = tf.cast(across**2 + down**2 < 0.3, tf.float32)[..., None]
    return tf.cast(255 * (slope * (1 - disc) + (1 - slope) * disc), tf.uint8)
