"""An export outside of this library: TFLite with its own operations alone, Keras, and the JSON of REST."""

import base64
import importlib
import json

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract
from helpers.odd_pictures import save

from looc_tf import keras2
from looc_tf.export import Embedder, export
from looc_tf.models import Encoder

PIXELS = np.random.default_rng(1).integers(0, 256, (3, 24, 24, 3), np.uint8)


@pytest.fixture(scope="module", params=[(24, 16), (24, 24), (16, 24)], ids=["smaller", "alike", "larger"])
def embedder(request):
    data_size, view_size = request.param
    tf.keras.utils.set_random_seed(5)
    return Embedder(Encoder(contract.MODEL, ["all", "color"]), data_size=data_size, view_size=view_size)


@pytest.fixture(scope="module")
def exported(embedder, tmp_path_factory):
    return export(embedder, tmp_path_factory.mktemp("elsewhere"))


def close(rows, others, atol):
    assert set(rows) == set(others) == {"trunk", "all", "color"}
    for name in rows:
        np.testing.assert_allclose(rows[name], others[name], rtol=0, atol=atol, err_msg=name)


def squares(embedder):
    return PIXELS[:, : embedder.data_size, : embedder.data_size]


def test_tflite_gives_what_the_saved_model_does(embedder, exported):
    """Before, no signature could be converted: `ScaleAndTranslate` and `EnsureShape` are not in TFLite."""
    converter = tf.lite.TFLiteConverter.from_saved_model(str(exported), signature_keys=["squares"])
    assert converter.target_spec.supported_ops == {tf.lite.OpsSet.TFLITE_BUILTINS}
    run = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner("squares")
    served = tf.saved_model.load(str(exported)).signatures
    given = squares(embedder)
    close(served["squares"](squares=tf.constant(given)), served["images"](images=tf.constant(given)), 1e-5)
    close(run(squares=given), served["images"](images=tf.constant(given)), 1e-4)
    close(run(squares=given[:1]), embedder.images(given[:1]), 1e-4)


def test_squares_of_another_size_are_refused(embedder, exported):
    """Where they are resized; else they would be seen as what they are, as a network of convolutions does."""
    serve = tf.saved_model.load(str(exported)).signatures["squares"]
    for side in (20, 48):
        if embedder.data_size != embedder.view_size:
            with pytest.raises(tf.errors.InvalidArgumentError):
                serve(squares=tf.zeros([1, side, side, 3], tf.uint8))


def test_keras_predicts_and_trains_it(embedder, exported):
    """As docs/python.md shows it; `keras.models.load_model` gives an object without `predict`."""
    inputs = tf.keras.Input([None, None, 3], dtype="uint8")
    reloaded = importlib.import_module(f"{keras2.backend.__name__.partition('.')[0]}.src.export.export_lib")
    layer = reloaded.ReloadedLayer(str(exported), call_endpoint="images")
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(2)(layer(inputs)["trunk"]))
    close(layer(PIXELS), embedder.images(PIXELS), 1e-5)
    assert model.predict(PIXELS, verbose=0).shape == (3, 2)
    assert len(model.trainable_variables) == 2 + sum(variable.trainable for variable in embedder.state)
    before = [np.array(variable) for variable in model.trainable_variables]
    model.compile("sgd", "mse")
    model.fit(PIXELS, np.ones((3, 2)), verbose=0)
    moved = {v.name for v, old in zip(model.trainable_variables, before) if not np.array_equal(v, old)}
    assert any("stage5" in name for name in moved) and any("kernel" in name for name in moved) and len(moved) > 10


def test_the_json_of_rest(embedder, exported):
    """What TensorFlow Serving makes of a request: `instances`, each a row of the inputs, bytes in base64."""
    body = json.dumps({"instances": [{"image_bytes": {"b64": base64.b64encode(save(PIXELS[0])).decode()}}]})
    files = [base64.b64decode(each["image_bytes"]["b64"]) for each in json.loads(body)["instances"]]
    served = tf.saved_model.load(str(exported)).signatures["serving_default"]
    close(served(image_bytes=tf.constant(files)), embedder(PIXELS[0]), 1e-5)
