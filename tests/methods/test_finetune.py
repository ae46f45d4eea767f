"""Fine-tuning: which labels are used, how far the trunk goes, and what is handed out."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract, tiny
from tensorflow import keras

from looc_tf import methods, optim
from looc_tf.config import Optimizer
from looc_tf.data import open_source
from looc_tf.errors import UserError
from looc_tf.methods import Facts, FineTune
from looc_tf.methods.finetune import Classified, fraction_of_each

CASE = contract.CASES["finetune"]


def moved(trunk_rate, optimizer):
    """By how much one step moves the trunk and the classifier."""
    case = replace(CASE, method=FineTune.Settings(trunk_rate=trunk_rate))
    method = methods.build(case, Facts(classes=contract.CLASSES))
    method.compile(
        optim.build(Optimizer(name=optimizer, learning_rate=0.01, schedule="constant"), 100), run_eagerly=True
    )
    parts = method.encoder.trainable_variables, method.classifier.trainable_variables
    before = [contract.arrays(part) for part in parts]
    contract.step(method, contract.make_batch(case))
    steps = [[new - old for old, new in zip(old, contract.arrays(part))] for old, part in zip(before, parts)]
    return [np.concatenate([np.ravel(each) for each in part]) for part in steps]


@pytest.mark.parametrize("optimizer", optim.OPTIMIZERS)
def test_the_trunk_takes_its_share_of_the_step_of_any_optimizer(optimizer):
    (trunk, head), (part, same) = moved(1.0, optimizer), moved(0.25, optimizer)
    assert np.abs(trunk).max() > 1e-4
    np.testing.assert_allclose(part, 0.25 * trunk, atol=1e-6)
    np.testing.assert_array_equal(same, head)


def test_a_frozen_trunk_keeps_its_weights_and_its_statistics():
    case = contract.CASES["finetune_linear"]
    method = contract.rewound("finetune_linear").rewind()
    trunk, head = contract.arrays(method.encoder.variables), contract.arrays(method.classifier.variables)
    contract.step(method, contract.make_batch(case))
    assert contract.same_bits(trunk, contract.arrays(method.encoder.variables))
    assert not contract.same_bits(head, contract.arrays(method.classifier.variables))
    assert len(method.trained_variables()) == len(head)


def test_a_trunk_that_learns_follows_the_statistics_of_the_batches():
    method = contract.rewound("finetune").rewind()
    before = contract.arrays(method.encoder.non_trainable_variables)
    contract.step(method, contract.make_batch(CASE))
    assert not contract.same_bits(before, contract.arrays(method.encoder.non_trainable_variables))


def test_what_is_handed_out_names_the_classes():
    method = methods.build(CASE, Facts(classes=2, names=("ant", "bee")))
    outputs = method(contract.make_batch(CASE)["views"]["query"])
    assert list(outputs) == ["trunk", "probabilities"] and method.class_names == ("ant", "bee")
    logits = method.classifier(outputs["trunk"]).numpy()
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-6)
    assert methods.build(CASE, Facts(classes=2)).class_names == ("0", "1")  # of a run that recorded none


@pytest.mark.parametrize("file", ["final.keras", "saved_model"])
@pytest.mark.parametrize("trunk_rate", [1.0, 0.0])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_what_is_handed_out_is_saved_and_loaded_to_equal_bits(tmp_path, file, trunk_rate, precision):
    training = replace(CASE.training, precision=precision)
    case = replace(CASE, method=FineTune.Settings(trunk_rate=trunk_rate), training=training)
    final = methods.build(case, Facts(classes=3)).final
    final.save(tmp_path / file)
    loaded = keras.models.load_model(tmp_path / file)
    assert type(loaded) is Classified and loaded.name == final.name
    for size in (32, 16):
        images = tf.random.stateless_uniform([4, size, size, 3], seed=(0, 1))
        expected, received = final(images), loaded(images)
        assert list(expected) == list(received) == ["trunk", "probabilities"]
        assert contract.same_bits(contract.arrays(expected.values()), contract.arrays(received.values()))
    names = [[each.name for each in one.trainable_weights] for one in (final, loaded)]
    assert names[0] == names[1] and (len(names[0]) == 2) == (trunk_rate == 0)


def test_what_is_handed_out_is_refused_pictures_in_another_range_and_cloned():
    final = methods.build(CASE, Facts(classes=3)).final
    with pytest.raises(UserError, match=r"Received floats from 255 to 255"):
        final.predict(np.full([1, 32, 32, 3], 255.0), verbose=0)
    clone = keras.models.clone_model(final)
    clone.set_weights(final.get_weights())
    images = tf.random.stateless_uniform([2, 32, 32, 3], seed=(0, 1))
    np.testing.assert_array_equal(clone(images)["probabilities"], final(images)["probabilities"])


def test_a_checkpoint_names_the_weights_by_the_places_of_the_method(tmp_path):
    """A run that was saved by an earlier version goes on to load."""
    method = methods.build(CASE, Facts(classes=3))
    path = tf.train.Checkpoint(method=method).write(str(tmp_path / "ckpt"))
    names = [name for name, _ in tf.train.list_variables(path) if name.endswith("VARIABLE_VALUE")]
    parts = {"/".join(name.split("/")[:2]) for name in names}
    assert parts == {"method/encoder", "method/classifier", "method/meters"}, sorted(names)
    assert sum(name.startswith("method/encoder/") for name in names) == len(method.encoder.weights)


LABELS = np.repeat([0, 1, 2, -1], [40, 10, 1, 9])
IDS = [f"picture {number}" for number in range(len(LABELS))]


@pytest.mark.parametrize(
    ("fraction", "counts"), [(0.1, [4, 1, 1]), (0.001, [1, 1, 1]), (0.5, [20, 5, 1]), (1, [40, 10, 1])]
)
def test_a_fraction_is_taken_of_each_class_and_at_least_one(fraction, counts):
    rows = fraction_of_each(LABELS, IDS, fraction, seed=0)
    assert np.bincount(LABELS[rows]).tolist() == counts and (np.diff(rows) > 0).all()


def test_the_fraction_hangs_on_seed_and_ids_alone():
    small, large = (set(fraction_of_each(LABELS, IDS, fraction, seed=0)) for fraction in (0.1, 0.3))
    assert small < large
    assert small != set(fraction_of_each(LABELS, IDS, 0.1, seed=1))
    turned = fraction_of_each(LABELS[::-1], IDS[::-1], 0.1, seed=0)
    assert {IDS[::-1][row] for row in turned} == {IDS[row] for row in small}
    assert sorted(small) == [2, 28, 29, 37, 42, 50]  # the same on every machine, and in every version


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fraction": 0.0}, r"method\.fraction should be above 0 and at most 1.*Received 0\.0"),
        ({"fraction": 1.5}, r"method\.fraction should be above 0 and at most 1.*Received 1\.5"),
        ({"trunk_rate": -0.1}, r"method\.trunk_rate should lie between 0 and 1"),
        ({"patience": -1}, r"method\.patience should be 0 or more"),
    ],
)
def test_settings_that_cannot_work(settings, message):
    with pytest.raises(UserError, match=message):
        methods.check(replace(CASE, method=FineTune.Settings(**settings)))


@pytest.mark.parametrize("classes", [("bar",), ()])
def test_one_class_or_none_is_nothing_to_learn(tmp_path, classes):
    folder = tiny.draw(tmp_path / "pictures", classes=classes or ("bar",))
    source = open_source(folder if classes else folder / "bar", size=16)
    with pytest.raises(UserError, match=r"two classes at least\. Received (one, 'bar'|no label) in .*class folders"):
        methods.pictures_of(CASE, source)


def test_a_part_of_a_source_holds_its_own_pictures(tmp_path):
    folder = tiny.draw(tmp_path / "pictures")
    for budget in (2**30, 0):  # held in memory, and read at each fetch
        whole = open_source(folder, size=16, budget=budget)
        rows = [5, 2, 9]
        part, mine, its = whole.take(rows), whole.take(rows).fetch(np.arange(3)), whole.fetch(rows)
        assert len(part) == 3 and part.ids == [whole.ids[row] for row in rows] and len(whole) > 3
        assert all(np.array_equal(mine[name], its[name]) for name in its)
