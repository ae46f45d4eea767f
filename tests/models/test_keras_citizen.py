"""The encoder is saved, loaded, copied and nested like any model of Keras, to the same outputs to the bit."""

import copy
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract
from tensorflow import keras

from looc_tf import optim
from looc_tf.config import Optimizer
from looc_tf.models import Encoder
from looc_tf.models.heads import HEADS
from looc_tf.models.normalization import QUERY_NORMALIZATIONS, split
from looc_tf.models.precision import precision

SPACES = ["all", "color"]
# At 16 px the last maps of MobileNetV2 are 1 x 1, where TensorFlow 2.15 gives one network other values each time.
IMAGES = tf.random.stateless_uniform([4, 32, 32, 3], seed=(0, 1))
ENCODERS = {
    **{f"{name} norm": ({"batch_norm": name}, {}) for name in QUERY_NORMALIZATIONS},
    **{f"{head} head": ({"head": head}, {}) for head in HEADS},
    "grouped": ({"head": "batch_norm_mlp"}, {"norm": split(2, apart=False)}),
    "branches": ({"backbone": "resnet10"}, {"branch_per_space": True}),
    "keys of branches": ({}, {"branch_per_space": True, "norm": split(4), "name": "key_encoder"}),
    "of keras": ({"backbone": "keras/MobileNetV2"}, {}),
    "of keras_cv": ({"backbone": "keras_cv/resnet18"}, {}),
}


def build(name):
    settings, options = ENCODERS[name]
    encoder = Encoder(replace(contract.MODEL, **settings), SPACES, **options)
    encoder(IMAGES, training=True)  # statistics that differ from those of a fresh one
    return encoder


def same(one, other):
    expected, received = one(IMAGES), other(IMAGES)
    expected, received = ({"": each} if tf.is_tensor(each) else each for each in (expected, received))
    assert list(expected) == list(received)
    for name, rows in expected.items():
        np.testing.assert_array_equal(rows, received[name], err_msg=name)
    assert [weight.name for weight in one.weights] == [weight.name for weight in other.weights]
    assert [each.name for each in one.trainable_weights] == [each.name for each in other.trainable_weights]


def saved_and_loaded(model, path):
    model.save(path)
    return keras.models.load_model(path)


@pytest.mark.parametrize("name", ENCODERS)
def test_it_is_saved_and_loaded(name, tmp_path):
    encoder = build(name)
    loaded = saved_and_loaded(encoder, tmp_path / "e.keras")
    same(encoder, loaded)
    assert type(loaded) is Encoder and loaded.get_config() == encoder.get_config()
    assert loaded.name == encoder.name
    np.testing.assert_array_equal(encoder(IMAGES, training=True)["all"], loaded(IMAGES, training=True)["all"])


@pytest.mark.parametrize("name", ["plain norm", "keys of branches"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_it_is_copied(name, copied):
    encoder = build(name)
    other = copied(encoder)
    same(encoder, other)
    other.weights[0].assign_add(tf.ones_like(other.weights[0]))
    assert not np.array_equal(encoder.weights[0], other.weights[0])


def test_it_is_cloned_with_weights_of_its_own():
    encoder = build("grouped")
    clone = keras.models.clone_model(encoder)
    assert not np.array_equal(encoder.weights[0], clone.weights[0])
    clone.set_weights(encoder.get_weights())
    same(encoder, clone)


def classifier(encoder):
    pictures = keras.Input([32, 32, 3])
    return keras.Model(pictures, keras.layers.Dense(3)(encoder(pictures)["trunk"]))


@pytest.mark.parametrize("name", ["plain norm", "branches", "of keras"])
def test_a_classifier_on_it_is_saved_by_itself_and_by_a_callback(name, tmp_path):
    model = classifier(build(name))
    model.compile(optim.build(Optimizer(learning_rate=1e-3), 10), "mse")
    keep = keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"))
    model.fit(IMAGES, tf.ones([4, 3]), epochs=2, verbose=0, callbacks=[keep])
    same(model, keras.models.load_model(tmp_path / "best.keras"))
    loaded = saved_and_loaded(model, tmp_path / "ft.keras")
    same(model, loaded)
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert int(loaded.optimizer.iterations) == 2


def test_a_saved_model_and_a_file_of_the_old_format_are_read_as_well(tmp_path):
    encoder = Encoder(contract.MODEL, ["all"])
    same(encoder, saved_and_loaded(encoder, tmp_path / "saved_model"))
    model = classifier(encoder)
    same(model, saved_and_loaded(model, tmp_path / "ft.h5"))


def test_what_is_frozen_stays_frozen(tmp_path):
    encoder = build("plain norm")
    encoder.shared.trainable = False
    encoder.heads["all"].layers[0].trainable = False
    loaded = saved_and_loaded(encoder, tmp_path / "e.keras")
    same(encoder, loaded)
    assert 0 < len(loaded.trainable_weights) < len(loaded.heads["all"].weights) + len(loaded.weights)
    loaded.trainable = False
    assert not saved_and_loaded(loaded, tmp_path / "f.keras").trainable_weights


def test_the_precision_is_its_own_whatever_the_caller_has_set(tmp_path):
    with precision("mixed_bfloat16"):
        encoder = build("grouped")
    loaded = saved_and_loaded(encoder, tmp_path / "e.keras")
    same(encoder, loaded)
    assert loaded.shared.dtype_policy.name == "mixed_bfloat16"
    assert keras.mixed_precision.global_policy().name == "float32"


@pytest.mark.parametrize("imported", ["", "import looc_tf"])
def test_another_process_loads_it_without_naming_the_class(imported, tmp_path):
    encoder = build("keys of branches")
    classifier(encoder).save(tmp_path / "ft.keras")
    encoder.save(tmp_path / "e.keras")
    code = (
        f"from tensorflow import keras\n{imported}\n"
        f"for name in ('e', 'ft'): keras.models.load_model({str(tmp_path)!r} + f'/{{name}}.keras')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]


def test_parts_of_it_are_models_of_their_own(tmp_path):
    encoder = build("branches")
    for part in (encoder.shared, encoder.stages["all"], encoder.heads["color"]):
        loaded = saved_and_loaded(part, tmp_path / f"{part.name}.keras")
        assert contract.same_bits(loaded.get_weights(), part.get_weights())
    rows = keras.Sequential([keras.Input([8]), encoder.unit])
    np.testing.assert_array_equal(saved_and_loaded(rows, tmp_path / "u.keras")(tf.ones([2, 8])), rows(tf.ones([2, 8])))


def test_saving_says_nothing(tmp_path, caplog, recwarn):
    encoder = build("plain norm")
    keras.models.load_model(encoder.save(tmp_path / "e.keras") or tmp_path / "e.keras")
    encoder.save_weights(tmp_path / "e.weights.h5")
    said = [
        str(each.message) for each in recwarn if issubclass(each.category, UserWarning)
    ]  # Keras draws seeds noisily
    assert not caplog.records and not said
