"""What an accuracy is held against: chance, the commonest class, every class alike; and what is left out."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from looc_tf import config
from looc_tf.evaluate import chance, readings
from looc_tf.evaluate.knn import knn_probe
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.probe_result import Rows, balanced_accuracy, majority_share

SETTINGS = config.Evaluation(neighbors=(1, 5), strengths=(0.1, 1.0), batch=32, limit=None)
NAMES = ("bar", "disc", "ring")


class Labelled:
    """Pictures of noise with these labels; with `seen` one pixel tells the label."""

    size = 4

    def __init__(self, labels, names=NAMES, seen=False):
        self.label = np.asarray(labels, np.int64)
        self.fields = {"label": names} if names else {}
        self.images = np.random.default_rng(len(labels)).integers(0, 60, (len(labels), 4, 4, 3)).astype(np.uint8)
        if seen:
            self.images[:, 1, 1, 0] = 70 + 60 * self.label
        self.ids = np.array([f"{len(labels)}/{number}" for number in range(len(labels))])

    @property
    def labels(self):
        return {"label": self.label}

    def __len__(self):
        return len(self.images)

    def fetch(self, indices):
        batch = {"image": self.images, "label": self.label, "id": self.ids}
        return {key: tf.gather(tf.constant(value), indices) for key, value in batch.items()}


def read(train, test, names=NAMES, settings=SETTINGS, **more):
    """{probe: reading of the trunk}, and the notes."""
    sources = {"train": Labelled(train, names, **more), "test": Labelled(test, names, **more)}
    notes: list[str] = []
    found = readings(lambda images: {"trunk": tf.reshape(images, [len(images), -1])}, sources, settings, None, notes)
    return {reading.probe: reading for reading in found}, notes


def test_where_one_class_is_nearly_all_the_numbers_say_so():
    """95 discs and 5 bars, and features that know nothing: both probes read 88.9 where chance is 50."""
    found, _ = read([1] * 95 + [0] * 5, [1] * 8 + [0], names=("bar", "disc"))
    for probe in ("object", "knn"):
        assert found[probe].value == found[probe].majority == pytest.approx(88.8889)
        assert (found[probe].chance, found[probe].balanced) == (50.0, 50.0)
    assert found["rotation"].majority == found["rotation"].chance == 25.0


def test_balanced_is_the_mean_over_the_classes_of_the_test_part():
    draw = np.random.default_rng(0)
    labels = draw.choice(4, 400, p=[0.7, 0.2, 0.1, 0.0])
    rows = [Rows((np.eye(4)[part] + draw.normal(size=(len(part), 4))).astype(np.float32), part) for part in
            (labels[:200], labels[200:300], labels[300:])]  # fmt: skip
    for choice in (linear_probe(*rows, (1.0,)), knn_probe(*rows, (5,))):
        assert choice.balanced < choice.value - 3
    predicted, asked = np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 3])
    assert balanced_accuracy(predicted, asked) == pytest.approx(100 * np.mean([2 / 3, 1.0, 0.0]))
    assert majority_share(np.array([2, 2, 1, 0]), np.array([2, 1, 1, 1])) == 25.0


def test_chance_counts_the_classes_that_labelled_training_pictures_have():
    """`unlabeled` beside three classes, and a class of the test part alone, are names and no answers."""
    train = [1, 2, 3] * 20 + [-1] * 30
    parts = {"train": Labelled(train, ("unlabeled", *NAMES)), "test": Labelled([1, 2, 3], ("unlabeled", *NAMES))}
    assert chance(parts)["object"] == chance(parts)["knn"] == pytest.approx(33.3333)
    found, _ = read(train, [1, 2, 3] * 4, ("unlabeled", *NAMES), seen=True)
    assert found["object"].chance == pytest.approx(33.3333)
    assert sum(found["object"].rows.values()) <= 60 + 12  # the pictures without a label are in no row


def test_a_class_that_the_limit_leaves_no_picture_of_still_counts():
    few = config.Evaluation(neighbors=(1,), strengths=(0.1,), limit=4, probes=("object",))
    found, _ = read([0] * 40 + [1] * 40 + [2], [0, 1] * 4, settings=few)
    assert found["object"].chance == pytest.approx(33.3333)


def test_probes_that_are_left_out_are_noted_with_the_reason(caplog):
    caplog.set_level(logging.INFO, "looc_tf")
    found, notes = read([-1] * 30, [-1] * 6, names=())
    assert list(found) == ["rotation", "hue"]
    assert notes == ["left out: object, knn: the pictures have no labels; texture: no such label"]
    assert "The knn probe is left out: the pictures have no labels." in caplog.messages


def test_labels_that_one_part_lacks_are_the_reason():
    _, notes = read([0, 1] * 20, [-1] * 6)
    assert notes == ["left out: texture: no such label; object, knn: no labels in the test part"]
    _, notes = read([1] * 40, [1] * 6)
    assert notes == ["left out: texture: no such label; object, knn: it needs two classes in the training part"]


def test_a_class_that_only_the_test_part_has_is_said(caplog):
    caplog.set_level(logging.INFO, "looc_tf")
    found, notes = read([0, 1] * 20, [0, 1, 2, 2], seen=True)
    assert found["object"].value == 50.0 and found["object"].balanced == pytest.approx(66.6667)
    said = "2 of 4 test pictures cannot be right: they are of a class that no training picture of the probes has (ring)"
    assert notes[1:] == [said] and said in caplog.messages
