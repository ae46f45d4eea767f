"""What Keras can save of a method is saved and comes back; what it cannot is refused before the first step."""

import re

import pytest
import tensorflow as tf
from helpers import contract
from tensorflow import keras

from looc_tf import methods
from looc_tf.errors import UserError
from looc_tf.methods import Facts

NAMES = ["looc_2", "looc++", "simclr", "supervised"]


def build(name):
    case = contract.CASES[name]
    return case, contract.build(case)


def fit(method, case, *callbacks, epochs=1):
    method.fit(contract.make_dataset(case, 2), epochs=epochs, verbose=0, callbacks=list(callbacks))


@pytest.mark.parametrize("path", ["{epoch}", "m.keras", "m.h5"])
def test_a_callback_that_saves_whole_models_is_refused_before_the_first_step(path, tmp_path):
    case, method = build("looc_2")
    before = contract.state(method)
    message = r"ModelCheckpoint\('.*'\) saves whole models\. .*method\.encoder\.save.*save_weights_only=True.*train\("
    for callbacks in ([keras.callbacks.ModelCheckpoint(str(tmp_path / path))],):
        with pytest.raises(UserError, match=message):
            fit(method, case, *callbacks)
    with pytest.raises(UserError, match=message):
        method.fit(contract.make_dataset(case, 1), callbacks=keras.callbacks.ModelCheckpoint(str(tmp_path / path)))
    assert contract.same_bits(before, contract.state(method)) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["folder", "m.keras", "m.h5"])
def test_a_whole_method_is_not_saved_and_one_sentence_says_what_is(path, tmp_path):
    _, method = build("looc_2")
    with pytest.raises(UserError, match=r"method\.encoder\.save\('encoder\.keras'\)"):
        method.save(tmp_path / path)
    assert not list(tmp_path.iterdir())


def weights(method):
    """All that is saved: not the running means, which Keras resets."""
    means = {id(variable) for meter in method.metrics for variable in meter.variables}
    return contract.arrays(variable for variable in method.variables if id(variable) not in means)


@pytest.mark.parametrize("path", ["w.h5", "w.hdf5", "w.weights.h5", "folder/w"])
@pytest.mark.parametrize("name", NAMES)
def test_weights_are_saved_and_come_back(name, path, tmp_path):
    case, method = build(name)
    contract.step(method, contract.make_batch(case))
    (tmp_path / "folder").mkdir()
    method.save_weights(str(tmp_path / path))
    other = methods.build(contract.replace(case, seed=9), Facts(classes=contract.CLASSES))
    assert not contract.same_bits(weights(method), weights(other))
    other.load_weights(str(tmp_path / path))
    assert contract.same_bits(weights(method), weights(other))


@pytest.mark.parametrize("path", ["{epoch}.h5", "{epoch}.weights.h5", "{epoch}"])
def test_a_callback_saves_the_weights_of_each_epoch(path, tmp_path):
    case, method = build("looc_2")
    keep = keras.callbacks.ModelCheckpoint(str(tmp_path / path), save_weights_only=True)
    fit(method, case, keep, epochs=2)
    last = weights(method)
    contract.step(method, contract.make_batch(case))
    method.load_weights(str(tmp_path / path.format(epoch=2)))
    assert contract.same_bits(last, weights(method))


def test_weights_that_are_there_are_kept_where_asked(tmp_path):
    _, method = build("looc_1")
    path = tmp_path / "w.h5"
    with pytest.raises(UserError, match="does not exist"):
        method.load_weights(path)
    method.save_weights(path)
    size = path.stat().st_size
    with pytest.raises(UserError, match="exists"):
        method.save_weights(path, overwrite=False)
    assert [each.name for each in tmp_path.iterdir()] == ["w.h5"] and path.stat().st_size == size


@pytest.mark.parametrize("name", NAMES)
def test_a_summary_is_there_from_the_start(name):
    case, method = build(name)
    said = []
    method.summary(print_fn=said.append)
    first = "\n".join(said)
    assert re.search(r"encoder \(Encoder\) .*\d{3}", first) and "Trainable params" in first
    fit(method, case)
    said.clear()
    method.summary(print_fn=said.append, expand_nested=True)
    assert "stem_conv" in "\n".join(said)
    assert method(tf.zeros([2, 16, 16, 3]))["trunk"].shape == (2, 32 * max(1, len(method.encoder.stages)))
