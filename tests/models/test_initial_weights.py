"""`model.weights`: the trunk begins with the weights of a file, a run or an export, or one line says why it cannot."""

import json
import logging
import shutil
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest
import tensorflow as tf
from helpers import contract, tiny
from tensorflow import keras

from looc_tf import methods
from looc_tf.config import Model
from looc_tf.errors import UserError
from looc_tf.export import export
from looc_tf.methods import Facts
from looc_tf.models import BACKBONES, Encoder, backbones, begin_with
from looc_tf.run import load_run
from looc_tf.training import train

IMAGES = tf.random.stateless_uniform([2, 32, 32, 3], seed=(0, 1))
MODEL = replace(contract.MODEL, backbone="resnet10")
MOBILE = replace(contract.MODEL, backbone="keras/MobileNetV2")


def moved(encoder):
    """An encoder that has seen something."""
    for number, weight in enumerate(encoder.weights):
        weight.assign(weight + 0.01 * (number % 7))
    return encoder


def same_trunk(one, other):
    np.testing.assert_array_equal(one(IMAGES)["trunk"], other(IMAGES)["trunk"])


def classifier(encoder):
    pictures = keras.Input([32, 32, 3])
    return keras.Model(pictures, keras.layers.Dense(3)(encoder(pictures)["trunk"]))


FILES = {
    "e.keras": lambda encoder, path: encoder.save(path),
    "e.weights.h5": lambda encoder, path: encoder.save_weights(path),
    "e.h5": lambda encoder, path: encoder.save_weights(path),
    "saved_model": lambda encoder, path: encoder.save(path),
    "classifier.keras": lambda encoder, path: classifier(encoder).save(path),
    "classifier_saved_model": lambda encoder, path: classifier(encoder).save(path),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("branches", [False, True])
def test_an_encoder_of_ours(name, branches, tmp_path, caplog):
    caplog.set_level(logging.INFO, "looc_tf")
    heads = ["all", "color"]
    theirs = moved(Encoder(MODEL, heads, branch_per_space=branches))
    FILES[name](theirs, str(tmp_path / name))
    ours = Encoder(MODEL, heads, branch_per_space=branches)
    taken = begin_with(ours, tmp_path / name)
    same_trunk(ours, theirs)
    of = len(ours.weights) - sum(len(head.weights) for head in ours.heads.values())
    assert taken["not_taken"] == [] and taken["taken"] == of and taken["from"].endswith(name)
    (line,) = [each.message for each in caplog.records if "trunk begins" in each.message]
    assert f"{of} of {of} tensors of {tmp_path / name}" in line


@pytest.mark.parametrize(("name", "top"), [("m.keras", True), ("m.h5", False), ("m.weights.h5", False)])
def test_a_network_of_keras(name, top, tmp_path):
    options = {"classes": 5, "input_shape": (32, 32, 3)} if top else {"input_shape": (None, None, 3)}
    theirs = keras.applications.MobileNetV2(include_top=top, weights=None, **options)
    moved(theirs)
    (theirs.save_weights if "weights" in name else theirs.save)(tmp_path / name)
    ours = Encoder(MOBILE, ["all"])
    assert begin_with(ours, tmp_path / name)["not_taken"] == []
    for weight, other in zip(ours.shared.weights, theirs.weights):
        np.testing.assert_array_equal(weight, other)


def own():
    stack = [keras.layers.Conv2D(5, 3), keras.layers.BatchNormalization(), keras.layers.Conv2D(5, 3)]
    return keras.Sequential([keras.Input([None, None, 3]), *stack])


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "saved_model"])
def test_a_network_of_ones_own_whose_layers_have_other_numbers(name, tmp_path):
    theirs = moved(own())
    theirs.save(tmp_path / name)
    ours = Encoder(contract.MODEL, ["all"], backbone=own())
    assert ours.shared.layers[0].name != theirs.layers[0].name
    begin_with(ours, tmp_path / name)
    assert contract.same_bits(ours.shared.get_weights(), theirs.get_weights())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    pictures = tiny.draw(folder / "pictures")
    return pictures, train(tiny.experiment(pictures), folder / "first")


def test_a_run_begins_with_another_and_does_not_read_it_again(run, tmp_path):
    pictures, first = run
    start = load_run(first).method
    one_space = ["method.spaces=[{name: all, queue: 20}]", "training.steps=3", "training.monitor_every=0"]
    experiment = tiny.experiment(pictures, f"model.weights={first}", *one_space)
    method = methods.build(experiment)
    same_trunk(method.encoder, start.encoder)
    same_trunk(method.key_encoder, start.encoder)
    np.testing.assert_array_equal(method.encoder(IMAGES)["all"], start.encoder(IMAGES)["all"])  # a head of that name

    moved_away = first.parent / "renamed"
    untrained = tiny.experiment(pictures, f"model.weights={first}", "training.steps=0", *one_space[::2])
    second = train(untrained, tmp_path / "r")
    same_trunk(load_run(second).method.encoder, start.encoder)
    record = json.loads((second / "run.json").read_text())["weights"]
    assert record["from"] == str(first) and record["not_taken"] == [] and record["taken"] == record["of"]
    first.rename(moved_away)
    try:
        same_trunk(load_run(second).method.encoder, start.encoder)
        train(untrained, second, resume=True)
        assert json.loads((second / "run.json").read_text())["weights"] == record
        with pytest.raises(UserError, match="does not exist"):
            train(experiment, tmp_path / "third")
        assert not (tmp_path / "third").exists()
    finally:
        moved_away.rename(first)


def test_both_a_warm_start_and_weights_are_refused(run, tmp_path):
    pictures, first = run
    with pytest.raises(UserError, match="Received both"):
        train(tiny.experiment(pictures, f"model.weights={first}"), tmp_path / "r", warm=first)
    assert not (tmp_path / "r").exists()


def test_an_export_of_ours(run, tmp_path):
    pictures, first = run
    start = load_run(first)
    export(start.embedder, tmp_path / "export")
    for path in (tmp_path / "export", tmp_path / "export" / "1"):
        method = methods.build(tiny.experiment(pictures, f"model.weights={path}"))
        same_trunk(method.encoder, start.method.encoder)


@pytest.mark.parametrize("name", ["b[0.1]", "b[0", "b?*{1}"])
def test_a_run_and_its_export_in_a_folder_whose_name_is_a_pattern(name, run, tmp_path):
    pictures, first = run
    start = load_run(first)
    shutil.copytree(first, tmp_path / name)
    export(start.embedder, tmp_path / f"x{name}")
    for path in (tmp_path / name, tmp_path / f"x{name}", tmp_path / f"x{name}" / "1"):
        encoder = methods.build(tiny.experiment(pictures)).encoder
        assert begin_with(encoder, path)["from"] == str(path)
        same_trunk(encoder, start.method.encoder)


@pytest.mark.parametrize("name", ["[1].keras", "[1].weights.h5", "[1].h5", "saved[1]"])
def test_a_file_whose_name_is_a_pattern(name, tmp_path):
    theirs = moved(Encoder(MODEL, ["all"]))
    plain = tmp_path / name.replace("[1]", "1")
    (theirs.save_weights if name.endswith(".h5") else theirs.save)(str(plain))
    plain.rename(tmp_path / name)
    ours = Encoder(MODEL, ["all"])
    assert begin_with(ours, tmp_path / name)["not_taken"] == []
    same_trunk(ours, theirs)


def refused(encoder, path):
    before = contract.arrays(encoder.weights)
    with pytest.raises(UserError) as error:
        begin_with(encoder, path)
    assert contract.same_bits(before, contract.arrays(encoder.weights)), "a refusal changes nothing"
    return str(error.value)


@pytest.mark.parametrize("name", ["e.keras", "e.h5", "saved_model"])
def test_another_shape_is_told_with_the_first_tensor_that_differs(name, tmp_path):
    FILES[name](Encoder(MODEL, ["all"]), str(tmp_path / name))
    said = refused(Encoder(replace(MODEL, width=8), ["all"]), tmp_path / name)
    assert "has another shape: shared/stem_conv/kernel:0 is [3, 3, 3, 8] here, [3, 3, 3, 4] there. Make model" in said


def test_pictures_of_other_channels_are_told(tmp_path):
    theirs = keras.Sequential([keras.Input([8, 8, 1]), keras.layers.Conv2D(5, 3)])
    theirs.save(tmp_path / "m.keras")
    ours = Encoder(
        contract.MODEL, ["all"], backbone=keras.Sequential([keras.Input([8, 8, 3]), keras.layers.Conv2D(5, 3)])
    )
    assert "give it pictures of as many channels" in refused(ours, tmp_path / "m.keras")


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "saved_model"])
def test_another_network_is_refused(name, tmp_path):
    rows = keras.Sequential([keras.Input([4]), keras.layers.Dense(2, name="other")])
    rows.save(tmp_path / name)
    assert "None of the" in refused(Encoder(MODEL, ["all"]), tmp_path / name)


def test_what_is_only_partly_there_is_told(tmp_path, caplog):
    theirs = moved(Encoder(MODEL, ["all"]))
    theirs.shared.save(tmp_path / "stem.keras")
    ours = Encoder(MODEL, ["all"])
    taken = begin_with(ours, tmp_path / "stem.keras")
    assert contract.same_bits(ours.shared.get_weights(), theirs.shared.get_weights())
    assert all(name.startswith("last/") for name in taken["not_taken"]) and len(taken["not_taken"]) == 15
    assert "15 of 60 tensors of the trunk are not in" in caplog.text


@pytest.mark.parametrize("name", ["x.keras", "x.h5", "x.txt", "folder", "nowhere.keras"])
def test_what_is_no_file_of_weights(name, tmp_path):
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name != "nowhere.keras":
        path.write_bytes(b"PK\x03\x04 nothing of the kind")
    assert "model.weights should be a .keras, .weights.h5 or .h5 file" in refused(
        Encoder(contract.MODEL, ["all"]), path
    )


def test_nothing_of_a_strangers_file_is_executed(tmp_path, monkeypatch):
    """Its config is not read at all; and data that HDF5 fetches from other files is left alone."""
    Encoder(MODEL, ["all"]).save(tmp_path / "e.keras")
    with zipfile.ZipFile(tmp_path / "e.keras") as whole, zipfile.ZipFile(tmp_path / "only.keras", "w") as bare:
        bare.writestr("model.weights.h5", whole.read("model.weights.h5"))
        bare.writestr("config.json", '{"class_name": "Lambda", "config": {"function": "ours"}}')
    begin_with(Encoder(MODEL, ["all"]), tmp_path / "only.keras")
    (tmp_path / "secret").write_bytes(bytes(3 * 3 * 3 * 4 * 4))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        outside = [(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("layers/conv2d/vars/0", (3, 3, 3, 4), "f4", external=outside)
        file["layers/conv2d_1/vars/0"] = h5py.ExternalLink("other.h5", "x")
    assert "None of the" in refused(Encoder(MODEL, ["all"]), tmp_path / "x.h5")


def test_weights_of_a_library_are_taken_where_there_is_a_network(monkeypatch):
    assert "could not be had" in refused(Encoder(MOBILE, ["all"]), "imagenet")
    assert "Received model.backbone='resnet10'" in refused(Encoder(MODEL, ["all"]), "imagenet")
    theirs = moved(backbones.named_backbone("keras/MobileNetV2"))
    monkeypatch.setattr(backbones, "_keras", lambda name, weights: theirs if weights == "imagenet" else None)
    ours = Encoder(MOBILE, ["all"])
    assert begin_with(ours, "imagenet")["not_taken"] == []
    assert contract.same_bits(ours.shared.get_weights(), theirs.get_weights())


def test_every_method_begins_so_and_a_saved_encoder_forgets_where_from(tmp_path):
    theirs = moved(Encoder(contract.MODEL, []))
    theirs.save(tmp_path / "e.keras")
    for case in (contract.CASES[name] for name in ("looc_2", "simclr", "supervised")):
        case = replace(case, model=replace(case.model, weights=str(tmp_path / "e.keras")))
        method = methods.build(case, Facts(classes=3))
        same_trunk(method.encoder, theirs)
        for copy in method.slow_copies():
            same_trunk(copy, theirs)
        assert method.encoder.get_config()["model"]["weights"] is None
    assert Model().weights is None and not BACKBONES
