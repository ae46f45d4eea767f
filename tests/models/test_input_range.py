"""Networks take floats in [0, 1] or bytes; anything else is refused before it is embedded as something else."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract

from looc_tf.errors import UserError

BYTES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
UNIT = BYTES / np.float32(255)


@pytest.fixture(scope="module")
def method():
    return contract.rewound("moco").rewind()


def ways(method):
    return {
        "encoder": method.encoder,
        "method": method,
        "encoder.predict": lambda x: method.encoder.predict(x, verbose=0),
        "predict": lambda x: method.predict(x, verbose=0),
        "graph": tf.function(lambda x: method.encoder(x)),
    }


@pytest.mark.parametrize("way", ["encoder", "method", "encoder.predict", "predict", "graph"])
def test_bytes_are_scaled(method, way):
    """Before, bytes were a TypeError of TensorFlow."""
    expected = method.encoder(UNIT)
    for given in (BYTES, UNIT, tf.constant(BYTES)):
        rows = ways(method)[way](given)
        for name, value in expected.items():
            np.testing.assert_allclose(rows[name], value, atol=1e-5)


@pytest.mark.parametrize("way", ["encoder", "method", "encoder.predict", "predict"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (UNIT * 255, r"Received floats from 0 to 255\. Divide values in 0\.\.255 by 255"),
        (tf.constant(UNIT * 255), "Received floats from 0 to 255"),
        (UNIT * 2 - 1, "Received floats from -1 to 1"),
        (BYTES.astype(np.uint16), "Received uint16"),
        (BYTES.astype(int), "Received int64"),
    ],
)
def test_another_range_is_refused_in_one_line(method, way, given, message):
    with pytest.raises(UserError, match=r"^Expected pictures as floats in \[0, 1\] or as uint8.*" + message) as caught:
        ways(method)[way](given)
    assert "Call arguments" not in str(caught.value)


def test_what_arithmetic_leaves_above_one_is_taken(method):
    method.encoder(UNIT * np.float32(1.0005))
    method.encoder(np.zeros_like(UNIT))


def test_in_a_model_of_ones_own(method):
    inputs = tf.keras.Input([16, 16, 3])
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(2)(method.encoder(inputs)["trunk"]))
    assert model(UNIT).shape == (3, 2)


def test_half_precision_takes_bytes():
    half = contract.build(contract.CASES["moco"], precision="mixed_float16").encoder
    np.testing.assert_allclose(half(BYTES)["all"], half(UNIT)["all"], atol=1e-2)
