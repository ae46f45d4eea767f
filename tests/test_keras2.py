"""The library has Keras 2 under any TensorFlow, says so where there is Keras 3 already, and asks for oneDNN."""

import os
import platform
import re
import subprocess
import sys

import pytest

from looc_tf import keras2

TOLD = ("TF_USE_LEGACY_KERAS", "TF_ENABLE_ONEDNN_OPTS")


def python(code, **told):
    """The last lines of a process that nobody has told which Keras to take, nor how to convolve."""
    env = {**{name: value for name, value in os.environ.items() if name not in TOLD}, **told}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=env)
    return done.stdout.strip().splitlines()[-1:], done.stderr.strip().splitlines()[-1:]


def test_the_generator_of_seeds_is_that_of_the_same_keras():
    package = keras2.keras.layers.Layer.__module__.partition(".")[0]
    assert keras2.backend.__name__ == f"{package}.src.backend"
    assert hasattr(keras2.backend, "_SEED_GENERATOR")


@pytest.mark.parametrize("order", ["looc_tf, tensorflow", "tensorflow, looc_tf"])
def test_whatever_is_imported_first_there_is_one_keras(order):
    """TensorFlow's attribute, the module of that name, and the one that keras-cv finds."""
    asked = ("tensorflow.keras.layers.Layer", "Layer", "looc_tf.Augmentation.__mro__[2]")
    names = ", ".join(f"{name}.__module__.partition('.')[0]" for name in asked)
    said, _ = python(f"import {order}\nfrom tensorflow.keras.layers import Layer\nprint({names})")
    assert said == [" ".join([keras2.keras.layers.Layer.__module__.partition(".")[0]] * 3)]


def test_keras_3_is_told_of_in_one_line():
    """Under TensorFlow 2.15 there is none, so its own calls itself so; later ones have it unless they are told."""
    package = keras2.keras.layers.Layer.__module__.partition(".")[0]
    used = f"import tensorflow as tf\nimport {package}\ntf.keras.layers.Layer\n{package}.__version__ = '3.1.4'\n"
    _, said = python(f"{used}import looc_tf\nlooc_tf.LooC")
    [line] = said
    assert re.search(r"Expected Keras 2 as tf\.keras\. Received Keras 3\.\d+\.\d+\. ", line)
    assert line.endswith(("pip install tf-keras.", "or set TF_USE_LEGACY_KERAS=1."))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="TensorFlow decides on other processors")
@pytest.mark.parametrize(("told", "used"), [({}, "True"), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "False")])
def test_one_dnn_is_used_unless_it_is_switched_off(told, used):
    asked = "import looc_tf\nfrom tensorflow.python.framework import test_util\nprint(test_util.IsMklEnabled())"
    assert python(asked, **told)[0] == [used]
