"""The probes against data whose right answers are known."""

import dataclasses
import logging

import numpy as np
import pytest
import tensorflow as tf

from looc_tf import config
from looc_tf.errors import UserError
from looc_tf.evaluate import chance, evaluate, knn_accuracy, questions, readings
from looc_tf.evaluate.features import COPIES, HUE_SHIFTS, extract, hue_shift_of, shift_hue
from looc_tf.evaluate.knn import knn_probe
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.probe_result import Rows
from looc_tf.evaluate.protocol import choose_pictures

SIZE, CLASSES, HUES = 4, 3, 5
SETTINGS = config.Evaluation(neighbors=(1, 5), strengths=(0.1, 1.0), batch=32, limit=None)


class Fake:
    """Pictures in memory: one pixel's red is the label and its green the hue label; light comes from above."""

    size = SIZE

    def __init__(self, count, seed, fields=("label", "hue"), start=0):
        draw = np.random.default_rng(seed)
        self.label, self.hue = draw.integers(0, CLASSES, count), draw.integers(0, HUES, count)
        self.images = draw.integers(0, 60, (count, SIZE, SIZE, 3)).astype(np.uint8)
        self.images[:, 0, :, 2] = 250
        self.images[:, 1, 1, 0] = 80 * self.label
        self.images[:, 1, 1, 1] = 50 * self.hue
        names = {"label": tuple("abc"), "hue": tuple("vwxyz")}
        self.fields = {field: names[field] for field in fields}
        self.ids = np.array([f"{start + number:05d}" for number in range(count)])

    def __len__(self):
        return len(self.images)

    @property
    def labels(self):
        known = {"label": self.label, "hue": self.hue}
        return {field: known[field] for field in self.fields}

    def fetch(self, indices):
        label = self.label if "label" in self.fields else np.full(len(self), -1)
        batch = {"image": self.images, "label": label, "id": self.ids}
        if "hue" in self.fields:
            batch["hue"] = self.hue
        return {key: tf.gather(tf.constant(value), indices) for key, value in batch.items()}


def sources(**kwargs):
    return {
        "train": Fake(240, 0, **kwargs),
        "validation": Fake(60, 1, start=1000, **kwargs),
        "test": Fake(80, 2, start=2000, **kwargs),
    }


def one_hot(values, step, depth):
    return tf.one_hot(tf.cast(values, tf.int32) // step, depth)


def embed(images):
    """`trunk` sees the pixels; `shape` knows the label alone, `light` the side that is lit alone."""
    assert images.dtype == tf.uint8
    pixels = tf.cast(images, tf.float32)
    blue = pixels[..., 2]
    sides = tf.stack([tf.reduce_mean(blue[:, 0], 1), tf.reduce_mean(blue[:, :, 0], 1)], 1)
    return {
        "trunk": tf.reshape(pixels, [len(images), -1]),
        "shape": one_hot(images[:, 1, 1, 0], 80, CLASSES),
        "light": tf.concat([sides, tf.reduce_mean(blue[:, -1], 1, keepdims=True)], 1),
    }


def table(records):
    return {(record["representation"], record["probe"]): record["value"] for record in records}


def test_accuracies_are_the_known_ones():
    parts = sources()
    records = evaluate(embed, parts, SETTINGS, run="r", method="looc", seed=3)
    values = table(records)
    assert {name for name, _ in values} == {"trunk", "shape", "light", "concat"}
    assert {probe for _, probe in values} == {"object", "rotation", "hue", "knn"}
    assert values["shape", "object"] == values["shape", "knn"] == values["concat", "object"] == 100.0
    assert values["light", "rotation"] == values["concat", "rotation"] == 100.0
    assert abs(values["light", "object"] - chance(parts)["object"]) < 20
    assert abs(values["shape", "hue"] - chance(parts)["hue"]) < 20


def test_records_follow_the_schema_and_repeat():
    first, second = (evaluate(embed, sources(), SETTINGS, run="r", method="looc", seed=3) for _ in range(2))
    assert first == second
    for record in first:
        assert list(record) == ["run", "method", "seed", "representation", "probe", "value"]
        assert (record["run"], record["method"], record["seed"]) == ("r", "looc", 3)
        assert isinstance(record["value"], float) and 0 <= record["value"] <= 100
        assert record["value"] == round(record["value"], 4)


@pytest.mark.parametrize("part", ["label", "hue"])
def test_labels_of_the_test_part_change_no_choice(part):
    parts, shuffled = sources(), sources()
    labels = getattr(shuffled["test"], part)
    setattr(shuffled["test"], part, np.random.default_rng(9).permutation(labels))
    plain, other = (list(readings(embed, data, SETTINGS)) for data in (parts, shuffled))
    assert [(reading.setting, reading.validation) for reading in plain] == [
        (reading.setting, reading.validation) for reading in other
    ]
    assert [reading.value for reading in plain] != [reading.value for reading in other]


def noisy(count, seed, classes=2, noise=1.0, flipped=0.0):
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count)
    features = np.eye(classes, 12)[labels] * 2 + noise * draw.normal(size=(count, 12))
    wrong = draw.random(count) < flipped
    return Rows(features.astype(np.float32), np.where(wrong, (labels + 1) % classes, labels))


def test_settings_are_those_that_the_validation_part_prefers():
    train, validation, test = noisy(300, 0, flipped=0.3), noisy(200, 1), noisy(200, 2)
    single = {k: knn_accuracy(*train, *validation, k) for k in (1, 9, 81)}
    choice = knn_probe(train, validation, test, (1, 9, 81))
    best = int(choice.setting["neighbors"])
    assert best > 1 and choice.validation == max(single.values()) == single[best]
    assert choice.value == knn_accuracy(*train, *test, best)


def test_penalty_is_the_one_that_the_validation_part_prefers():
    rare = noisy(200, 0, noise=0.2)
    rare = Rows(rare.features[:110], np.sort(rare.labels)[:110])  # the strong penalty answers with the majority
    rare.features[:] = np.eye(2, 12)[rare.labels]
    assert linear_probe(rare, rare, rare, (1.0, 1e-6)).setting == {"strength": 1.0}
    train, validation, test = (noisy(count, seed, noise=3.0, flipped=0.2) for seed, count in enumerate((40, 400, 400)))
    single = {strength: linear_probe(train, validation, test, (strength,)) for strength in (1e-3, 1e3)}
    assert single[1e-3].validation > single[1e3].validation
    assert linear_probe(train, validation, test, (1e3, 1e-3)) == single[1e-3]


def test_random_features_give_chance():
    draw = np.random.default_rng(0)
    parts = [
        Rows(draw.normal(size=(count, 16)).astype(np.float32), np.arange(count) % 4) for count in (1200, 300, 1200)
    ]
    assert abs(linear_probe(*parts, (0.01, 1.0)).value - 25) < 6
    assert abs(knn_probe(*parts, (5, 20)).value - 25) < 6


def test_knn_weighs_votes_by_cosine():
    train = np.array([[1.0, 0.0], [0.6, 0.8], [0.6, -0.8]])
    labels = np.array([0, 1, 1])
    # One vote of exp(1 / 0.07) outweighs two of exp(0.6 / 0.07), whatever the lengths of the vectors.
    assert knn_accuracy(train * [[9.0], [0.1], [5.0]], labels, np.array([[0.01, 0.0]]), np.array([0]), k=3) == 100.0
    assert knn_accuracy(train, labels, train, labels, k=50) == 100.0


def test_a_class_that_only_the_test_part_has_counts_as_wrong():
    train, validation = noisy(60, 0, noise=0.1), noisy(30, 1, noise=0.1)
    test = noisy(40, 2, noise=0.1)._replace(labels=np.full(40, 7))
    assert linear_probe(train, validation, test, (1.0,)).value == 0.0
    assert knn_probe(train, validation, test, (3,)).value == 0.0


def test_rotated_copies_are_quarter_turns_of_the_same_pictures():
    part = sources()["test"]
    copies = ("upright", "90", "180", "270")
    seen = extract(lambda images: {"trunk": images}, part, np.array([5, 2]), copies, batch=1)
    for turns, copy in enumerate(copies):
        expected = np.rot90(part.images[[5, 2]], turns, axes=(1, 2))
        np.testing.assert_array_equal(seen.of(copy, "trunk"), expected)
    np.testing.assert_array_equal(seen.labels["label"], part.label[[5, 2]])


def test_every_copy_of_a_picture_is_embedded_once():
    passes = []

    def counting(images):
        passes.append(len(images))
        return embed(images)

    evaluate(counting, sources(), SETTINGS, run="r", method="m", seed=0)
    assert sum(passes) == 4 * (240 + 60 + 80)


def test_hue_is_generated_where_there_is_no_label():
    parts = sources(fields=("label",))
    assert chance(parts)["hue"] == pytest.approx(100 / HUE_SHIFTS, abs=1e-3)
    for part in parts.values():  # all pictures red: a shift can be read from the pixels
        part.images[:] = np.array([200, 30, 30], np.uint8)
    values = table(evaluate(embed, parts, SETTINGS, run="r", method="m", seed=0))
    assert values["trunk", "hue"] == 100.0


def test_hue_shifts_turn_the_whole_circle_without_a_trace_of_rounding():
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 5, 3)).astype(np.uint8)
    third = shift_hue(tf.constant(images), tf.fill([3], HUE_SHIFTS // 3)).numpy()
    np.testing.assert_array_equal(third, images[..., [2, 0, 1]])
    np.testing.assert_array_equal(shift_hue(tf.constant(images), tf.zeros([3], tf.int64)), images)
    expected = tf.image.adjust_hue(tf.constant(images[:1]), 1 / 6).numpy().astype(int)
    assert np.abs(shift_hue(tf.constant(images[:1]), tf.constant([1])).numpy() - expected).max() <= 1


def test_the_shift_of_a_picture_hangs_on_its_id_alone():
    ids = tf.constant([f"{number:04d}" for number in range(600)])
    shifts = hue_shift_of(ids).numpy()
    assert np.bincount(shifts, minlength=HUE_SHIFTS).min() > 60
    np.testing.assert_array_equal(hue_shift_of(ids[100:110]), shifts[100:110])
    assert COPIES["hue_shift"]({"image": tf.zeros([2, 4, 4, 3], tf.uint8), "id": ids[:2]}).dtype == tf.uint8


def test_probes_without_labels_are_left_out_and_named(caplog):
    caplog.set_level(logging.INFO)
    values = table(evaluate(embed, sources(fields=()), SETTINGS, run="r", method="m", seed=0))
    assert {probe for _, probe in values} == {"rotation", "hue"}
    assert [message.split()[1] for message in caplog.messages] == ["object", "texture", "knn"]


def test_one_class_leaves_the_probe_out(caplog):
    parts = sources()
    parts["train"].label[:] = 1
    values = table(evaluate(embed, parts, SETTINGS, run="r", method="m", seed=0))
    assert {probe for _, probe in values} == {"rotation", "hue"}
    assert any("two classes" in message for message in caplog.messages)


def test_validation_is_carved_from_training_where_there_is_none():
    parts = sources()
    del parts["validation"]
    pictures = choose_pictures(parts, limit=100)
    train, held_out = pictures["train"][1], pictures["validation"][1]
    assert (len(train), len(held_out)) == (100, 24)
    assert pictures["validation"][0] is parts["train"] and not set(train) & set(held_out)
    np.testing.assert_array_equal(choose_pictures(parts, limit=100)["train"][1], train)
    assert table(evaluate(embed, parts, SETTINGS, run="r", method="m", seed=0))["shape", "object"] == 100.0


def test_user_errors():
    def ask(parts, settings=SETTINGS, function=embed):
        evaluate(function, parts, settings, run="r", method="m", seed=0)

    with pytest.raises(UserError, match="Did you mean 'rotation'"):
        ask(sources(), config.Evaluation(probes=("rotatoin",)))
    with pytest.raises(UserError, match="received 1 and 80"):
        ask({**sources(), "train": Fake(1, 0)})
    with pytest.raises(UserError, match="not-a-number"):
        ask(sources(), function=lambda images: {"trunk": tf.fill([len(images), 2], np.nan)})


def test_progress_ends_at_its_totals():
    seen = {}
    evaluate(
        embed,
        sources(),
        SETTINGS,
        run="r",
        method="m",
        seed=0,
        progress=lambda stage, done, total: seen.update({stage: (done, total)}),
    )
    assert seen == {"Embedding": (380, 380), "Probing": (16, 16)}


def test_with_one_space_all_of_them_concatenated_is_that_space_and_read_once(monkeypatch):
    fits = []
    monkeypatch.setattr(questions, "linear_probe", lambda *rows: fits.append(rows) or linear_probe(*rows))
    settings = config.Evaluation(neighbors=(1,), strengths=(1.0,), batch=32, probes=("object",))
    one = list(
        readings(lambda images: {"trunk": embed(images)["trunk"], "all": embed(images)["shape"]}, sources(), settings)
    )
    assert [reading.representation for reading in one] == ["trunk", "all", "concat"]
    assert one[2] == dataclasses.replace(one[1], representation="concat")
    assert len(fits) == 2


@pytest.mark.parametrize("classes", [2, 5])
def test_a_fitted_probe_as_numbers_answers_as_it_was_measured(classes):
    random = np.random.default_rng(0)
    labels = random.integers(classes, size=400) * 3  # with gaps: a class that no row has
    features = random.normal(size=(400, 6)) * 5 + np.eye(6)[labels // 3] * 9 + 2
    rows = Rows(features.astype(np.float32), labels)
    choice = linear_probe(rows, rows, rows, (0.1,))
    numbers = choice.fitted
    logits = (features - numbers.mean) / numbers.scale @ numbers.weights.T + numbers.bias
    assert 100 * np.mean(numbers.classes[logits.argmax(1)] == labels) == pytest.approx(choice.value)
    assert choice.value > 100 / classes


@pytest.mark.parametrize("validation", [0, 5])
def test_a_limit_leaves_the_labelled_pictures_of_a_set_with_many_others(validation):
    class Part:
        """As many of a `Source` as is asked for."""

        def __init__(self, labels):
            self.labels = {"label": np.array(labels)}

        def __len__(self):
            return len(self.labels["label"])

    parts = {"train": Part([0, 1] * 20 + [-1] * 1000), "test": Part([0, 1])}
    parts = {**parts, "validation": Part([0] * validation)} if validation else parts
    _, rows = choose_pictures(parts, limit=50)["train"]
    assert len(rows) == 50 and (parts["train"].labels["label"][rows] >= 0).sum() >= 30
    _, everything = choose_pictures(parts, limit=None)["train"]
    assert len(everything) == (1040 if validation else 936)
