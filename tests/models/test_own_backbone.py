"""A network of one's own as the trunk: by hand in every method, by name through a whole run; and what it must be."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract, tiny
from tensorflow import keras

from looc_tf import config, methods, models, optim
from looc_tf.augment import build_chain
from looc_tf.data import open_source
from looc_tf.errors import UserError
from looc_tf.methods import Facts, LooC, SimCLR
from looc_tf.models import BACKBONES, Encoder
from looc_tf.objectives import InBatch
from looc_tf.run import load_run
from looc_tf.training import train
from looc_tf.views import ViewPlan, multicrop, training_batches

layers = keras.layers
IMAGES = tf.random.stateless_uniform([4, 16, 16, 3], seed=(0, 1))


def to_map(norm=False, size=None):
    pictures = keras.Input([size, size, 3])
    rows = layers.Conv2D(6, 3, 2, name="own_conv")(pictures)
    return keras.Model(pictures, layers.BatchNormalization(name="own_norm")(rows) if norm else rows)


def to_rows():
    stack = [layers.Conv2D(5, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(7)]
    return keras.Sequential([keras.Input([None, None, 3]), *stack])


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(BACKBONES, "mine", to_map)


@pytest.mark.parametrize(("build", "width"), [(to_map, 6), (to_rows, 7), (lambda: to_map(size=16), 6)])
def test_a_map_is_averaged_and_rows_are_taken_as_they_are(build, width):
    own = build()
    encoder = Encoder(contract.MODEL, ["all"], backbone=own)
    outputs = encoder(IMAGES)
    given = own((IMAGES - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225))
    rows = tf.reduce_mean(given, axis=[1, 2]) if len(given.shape) == 4 else given
    np.testing.assert_allclose(outputs["trunk"], rows, atol=1e-5)
    assert outputs["all"].shape == (4, 8) and encoder.dimension("trunk") == width


@pytest.mark.parametrize("name", ["moco", "looc_2", "simclr", "supervised"])
def test_every_method_trains_it(name):
    case, own = contract.CASES[name], to_rows()
    before = contract.arrays(own.weights)
    method = methods.build(case, Facts(classes=contract.CLASSES), backbone=own)
    assert contract.same_bits(before, contract.arrays(own.weights)), "it begins with the weights it has"
    method.compile(optim.build(config.Optimizer(learning_rate=0.1), 10), run_eagerly=True)
    contract.step(method, contract.make_batch(case))
    assert not contract.same_bits(before, contract.arrays(own.weights))
    for copy in method.slow_copies():
        assert [each.shape for each in copy.shared.weights] == [each.shape for each in own.weights]


def test_one_built_by_hand_goes_into_a_method():
    space = contract.rewound("moco").method.spaces["all"]
    pair = [Encoder(contract.MODEL, ["all"], backbone=to_map(), name=name) for name in ("encoder", "key_encoder")]
    assert LooC(*pair, [space]).encoder is pair[0]
    plan, objectives = multicrop(build_chain({"crop": {}}, size=16)), {"all": InBatch("all", 0.5, batch=8)}
    assert SimCLR(Encoder(contract.MODEL, ["all"], backbone=to_rows()), plan, objectives, SimCLR.Settings())
    with pytest.raises(UserError, match=r"weights of its own\. .*clone_model"):
        LooC(pair[0], pair[0], [space])
    with pytest.raises(UserError, match=r"Expected LooC\(encoder, \.\.\.\).*Received a Functional.*backbone=network"):
        LooC(to_map(), to_map(), [space])


def test_a_table_that_gives_one_network_twice_is_seen(monkeypatch):
    one = to_map()
    monkeypatch.setitem(BACKBONES, "mine", lambda: one)
    with pytest.raises(UserError, match="builds a new one at each call"):
        methods.build(replace(contract.CASES["moco"], model=replace(contract.MODEL, backbone="mine")))


def test_a_run_of_a_registered_one_is_trained_loaded_and_resumed(registered, tmp_path, monkeypatch):
    experiment = tiny.experiment(tiny.draw(tmp_path / "pictures"), "model.backbone=mine", "training.monitor_every=0")
    run = train(experiment, tmp_path / "run")
    loaded = load_run(run)
    assert loaded.step == 6 and loaded.method.encoder.shared.get_layer("own_conv")
    assert json.loads((run / "run.json").read_text())["steps"] == 6
    loaded.method.encoder.save(tmp_path / "e.keras")
    monkeypatch.delitem(BACKBONES, "mine")
    with pytest.raises(UserError, match=r"model\.backbone 'mine'\. .*looc_tf\.models\.BACKBONES\['mine'\] = <function"):
        load_run(run)
    rows = keras.models.load_model(tmp_path / "e.keras")(IMAGES)["all"]  # the file holds the network itself
    np.testing.assert_array_equal(rows, loaded.method.encoder(IMAGES)["all"])


@pytest.mark.parametrize(
    ("norm", "keys", "message"), [(True, "auto", r"method\.key_batch_norm=plain"), (False, "auto", "")]
)
def test_batch_norm_of_its_own_is_told_of(norm, keys, message, monkeypatch):
    case = replace(contract.CASES["moco"], model=replace(contract.MODEL, backbone="mine"))
    monkeypatch.setitem(BACKBONES, "mine", lambda: to_map(norm))
    for experiment, own in ((case, None), (contract.CASES["moco"], to_map(norm))):
        if message:
            with pytest.raises(UserError, match=message):
                methods.build(experiment, backbone=own)
            plain = replace(experiment, method=replace(experiment.method, key_batch_norm="plain"))
            methods.build(plain, backbone=own and to_map(norm))
        else:
            methods.build(experiment, backbone=own)


class Subclassed(keras.Model):
    def call(self, images):
        return images


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Conv2D(3, 3), "Received a Conv2D"),
        (Subclassed, "Received a Subclassed without fixed inputs"),
        (lambda: keras.Sequential([layers.Conv2D(3, 3)]), "Received a Sequential without fixed inputs"),
        (lambda: keras.Sequential([keras.Input([8]), layers.Dense(2)]), r"Received one that takes \(\?, 8\)"),
        (lambda: keras.Sequential([keras.Input([8, 8, 4]), layers.Conv2D(2, 1)]), r"takes \(\?, 8, 8, 4\)"),
        (lambda: keras.Sequential([keras.Input([8, 8, 3]), layers.Reshape([64, 3])]), r"gives \(\?, 64, 3\)"),
    ],
)
def test_what_is_no_backbone_is_told_what_one_is(make, message):
    with pytest.raises(UserError, match=r"functional or Sequential Keras model of \[B, H, W, 3\].*" + message):
        Encoder(contract.MODEL, ["all"], backbone=make())


@pytest.mark.parametrize("change", [{"batch_norm": "sync"}, {"branch_per_space": True}])
def test_what_only_ours_can_do_is_refused(change):
    options = {"branch_per_space": change.get("branch_per_space", False)}
    model = replace(contract.MODEL, batch_norm=change.get("batch_norm", "plain"))
    with pytest.raises(UserError, match=r"our backbone|network of your own"):
        Encoder(model, ["all"], backbone=to_map(), **options)


def test_a_network_in_the_place_of_the_config_is_told_where_it_goes():
    with pytest.raises(UserError, match=r"Received a Functional as the first of them\. .*backbone=network"):
        Encoder(to_map(), ["all"])


def test_a_name_of_ours_is_not_taken_over(monkeypatch):
    monkeypatch.setitem(BACKBONES, "resnet18", to_map)
    with pytest.raises(UserError, match="Give yours another name"):
        models.check_model(config.Model())


def test_a_backbone_of_one_size_and_views_of_another():
    with pytest.raises(UserError, match=r"pictures of 24 x 24 alone, and views\.size is 16"):
        methods.build(contract.CASES["moco"], backbone=to_map(size=24))


def test_a_layer_of_keras_in_a_chain_is_told_what_an_augmentation_has():
    with pytest.raises(UserError, match=r"'zoom' is a RandomZoom\. .*`numbers`, `sample\(u\)` and `apply\("):
        ViewPlan({"zoom": layers.RandomZoom(0.2)}, [])


@pytest.mark.parametrize("size", [(32, 48), "64", None, 32.0])
def test_pictures_are_squares_of_one_whole_size(size):
    with pytest.raises(UserError, match="Expected one size in pixels, of the side of a square"):
        open_source("factors", size=size)


def test_a_policy_that_the_config_overrides_is_told_of_once(caplog):
    keras.mixed_precision.set_global_policy("mixed_float16")
    for _ in range(2):
        assert methods.build(contract.CASES["moco"]).encoder.dtype_policy.name == "float32"
    (record,) = (each for each in caplog.records if each.name.startswith("looc_tf"))
    assert "global policy is 'mixed_float16'" in record.message and "training.precision=mixed_float16" in record.message
    assert keras.mixed_precision.global_policy().name == "mixed_float16"


class Three:
    num_replicas_in_sync = 3
    cluster_resolver = None


def test_a_batch_is_dealt_out_evenly_or_refused_before_anything_runs(monkeypatch):
    source = open_source("factors", "test", size=16, limit=16)
    plan = contract.plan(contract.CASES["moco"])
    method = contract.rewound("moco").rewind()
    batches = training_batches(source, plan, batch=8, steps=1)
    monkeypatch.setattr(tf.distribute, "get_strategy", Three)
    with pytest.raises(
        UserError, match=r"8 pictures cannot be dealt to 3 devices in equal parts\. Use a multiple of 3"
    ):
        training_batches(source, plan, batch=8, steps=1)
    monkeypatch.undo()
    monkeypatch.setattr(type(method), "distribute_strategy", Three)  # made under a strategy, batches outside of it
    with pytest.raises(UserError, match="8 pictures cannot be dealt to 3 devices"):
        method.fit(batches)
