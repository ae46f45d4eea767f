"""Networks of as many parameters, rows so many times the base, and columns that no evaluation reads."""

import json
from dataclasses import replace

import pytest
import tensorflow as tf
from helpers import contract
from tensorflow import keras

from looc_tf import config, methods
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.methods.arithmetic import operations, parameters
from looc_tf.models import Encoder
from looc_tf.models.arithmetic import resnet_sizes
from looc_tf.studies import Column, Row, Study, read_study, reproduce
from looc_tf.studies.planning import rows_of
from looc_tf.studies.tables import write_tables
from looc_tf.studies.verdicts import values_of

OTHER = {"method.key_batch_norm": "plain"}  # which a backbone of Keras asks for
COLUMNS = (Column("object", "object"), Column("parameters", "parameters"))


NETWORKS = [("plain6", "small", 4), ("resnet10", "small", 6), ("resnet18", "imagenet", 5), ("resnet50", "small", 4)]


@pytest.mark.parametrize(("backbone", "stem", "width"), NETWORKS)
def test_sizes_are_those_of_the_network_itself(backbone, stem, width):
    """Weights and the sides of feature maps, of the encoder that is trained, its heads left out."""
    model = config.Model(backbone=backbone, stem=stem, width=width, hidden=8, dimension=4)
    encoder = Encoder(model, ["a"])
    parts = encoder.shared, encoder.last
    sizes = resnet_sizes(model, 36)
    for part, size in zip(parts, sizes):
        assert size.parameters == sum(weight.shape.num_elements() for weight in part.trainable_weights)
    side, counted = [1, 36, 36, 3], []
    for part in parts:
        made = keras.Model(part.input, [layer.output for layer in part.layers if hasattr(layer, "kernel")])
        outputs = made(tf.zeros(side))
        kernels = [layer.kernel for layer in part.layers if hasattr(layer, "kernel")]
        counted.append(sum(2 * k.shape.num_elements() * o.shape[1] ** 2 for k, o in zip(kernels, outputs)))
        side = part(tf.zeros(side)).shape
    assert counted == [size.operations for size in sizes]


@pytest.mark.parametrize("name", ["looc++", "moco++", "looc_2", "finetune"])
def test_parameters_are_those_of_what_gives_the_trunk(name):
    method = contract.build(contract.CASES[name])
    heads = {id(weight) for head in method.encoder.heads.values() for weight in head.trainable_weights}
    rest = [weight for weight in method.encoder.trainable_weights if id(weight) not in heads]
    assert parameters(contract.CASES[name]) == sum(weight.shape.num_elements() for weight in rest)


def test_operations_are_one_backward_pass_and_a_forward_pass_for_each_key():
    """METHOD: x1.25, x1.5 and x1.75 of MoCo's at one, two and three spaces more."""
    moco = operations(contract.CASES["moco"])
    costs = [operations(contract.CASES[f"looc_{n}"]) / moco for n in (1, 2, 3)]
    assert costs == pytest.approx([1.25, 1.5, 1.75])
    assert operations(contract.CASES["simclr"]) == pytest.approx(1.5 * moco)
    shared, last = resnet_sizes(contract.MODEL, contract.PIXELS)
    keys = 3 * shared.operations + (3 + 2 + 2) * last.operations  # every space reads `all`, a space not the other's own
    expected = 3 * (shared.operations + 3 * last.operations) + keys
    assert operations(contract.CASES["looc++"]) == expected


def test_a_known_network_has_its_known_size():
    """ResNet-50 without its classifier has 23,508,032 (torchvision: 25,557,032 less 2,049,000)."""
    experiment = load("imagenet100/moco")
    assert parameters(experiment) == 23_508_032


def test_methods_with_branches_count_all_of_them():
    assert parameters(contract.CASES["looc++"]) > parameters(contract.CASES["looc_2"])
    assert len({parameters(contract.CASES[name]) for name in ("looc_2", "moco", "byol")}) == 1


def test_as_many_parameters_as_another_row_and_as_many_passes():
    made = rows_of(read_study("plusplus"), load("factors/looc"), seed=0)
    sizes = {name: parameters(each) for name, each in made.items()}
    assert sizes["MoCo"] == sizes["LooC"] < sizes["MoCo++"] == sizes["LooC++"]
    for name in ("MoCo, as many passes and parameters", "LooC, as many parameters"):
        wide = made[name].model.width
        assert abs(sizes[name] / sizes["LooC++"] - 1) < 0.03 and wide > made["LooC"].model.width
        others = [parameters(replace(made[name], model=replace(made[name].model, width=wide + n))) for n in (-1, 1)]
        assert all(abs(other - sizes["LooC++"]) >= abs(sizes[name] - sizes["LooC++"]) for other in others)
    passes = {name: each.training.steps * methods.forwards(each) for name, each in made.items()}
    assert len({passes[name] for name in made if name != "MoCo"}) == 1


def test_a_row_may_be_so_many_times_the_base():
    base = load("factors/looc")
    made = rows_of(read_study("texture"), base, seed=0)
    assert made["LooC, twice as wide"].model.width == 2 * base.model.width
    long = made["LooC, twice as long"].training
    assert (long.steps, long.epochs) == (2 * base.training.steps, None)
    assert made["MoCo, as many passes, twice as wide"].training.steps == made["MoCo, as many passes"].training.steps
    keys = {name: len(each.method.spaces) for name, each in made.items()}
    assert keys["all three times"] == keys["LooC"] == 3
    paper = rows_of(read_study("texture"), load("imagenet100/looc-color-rotation-texture"), seed=0)
    assert (paper["LooC, twice as long"].training.steps, paper["LooC, twice as long"].training.epochs) == (None, 1000)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (Row("x", ("color",), times={"model.widht": 2}), "row 'x': Expected a field of a config"),
        (Row("x", ("color",), times={"model.backbone": 2}), "row 'x': Expected a number to multiply"),
        (Row("x", ("color",), parameters_of="y"), "Unknown row 'y'"),
        (Row("x", ("color",), set={**OTHER, "model.backbone": "keras/MobileNet"}, parameters_of="x"), "another width"),
    ],
)
def test_what_cannot_be_so_is_one_line(row, words):
    with pytest.raises(UserError, match=words):
        study = Study("t", "p", (row,), COLUMNS)
        study.check()
        rows_of(study, load("factors/looc"), 0)


def test_a_column_of_parameters_needs_no_evaluation(tmp_path):
    told = []
    reproduce(["plusplus"], tmp_path / "out", seeds=1, plan=True, tell=told.append)
    assert not [line for line in told if "parameters" in line.rpartition(";")[2]]
    study = Study("t", "p", (Row("one", ("color",)), Row("two", ("color",))), COLUMNS)
    counted = {("one", "parameters"): {0: 1234567.0, 1: 1234567.0}}
    values = values_of(study, {}, counted)
    paths = write_tables(tmp_path, "t", study, values, [], {})
    assert "| one | – | 1,234,567 |" in paths[0].read_text() and "| two | – | – |" in paths[0].read_text()
    cells = {(cell["row"], cell["column"]): cell["value"] for cell in json.loads(paths[-1].read_text())["cells"]}
    assert cells["one", "parameters"]["mean"] == 1234567.0
