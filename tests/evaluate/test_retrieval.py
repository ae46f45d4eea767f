"""Retrieval: what nearest neighbors share, against a plain loop and against pictures whose neighbors are known."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from looc_tf import config
from looc_tf.errors import UserError
from looc_tf.evaluate import readings
from looc_tf.evaluate.features import TURNS, Features, turn_of
from looc_tf.evaluate.probes import PROBES
from looc_tf.evaluate.retrieval import Retrieval

SETTINGS = config.Evaluation(probes=("retrieval",), retrieved=5, batch=32)


def random_part(count, seed):
    draw = np.random.default_rng(seed)
    copies = {copy: {"trunk": draw.normal(size=(count, 6)).astype(np.float32)} for copy in (*TURNS, "hue_shift")}
    labels = {"label": draw.integers(-1, 3, count), "turn": draw.integers(0, 4, count)}
    return Features(copies, {**labels, "hue_shift": draw.integers(0, 6, count)})


def share_by_loop(gallery, its_labels, queries, labels, k):
    hits = []
    for query, label in zip(queries, labels):
        cosines = gallery @ query / np.linalg.norm(gallery, axis=1) / np.linalg.norm(query)
        hits += [its_labels[row] == label for row in np.argsort(-cosines)[:k]]
    return 100 * np.mean(hits)


def test_shares_are_those_of_a_plain_loop():
    train, test = random_part(60, 0), random_part(20, 1)
    asked = Retrieval({"object": "label"}, shifted=True)
    found = asked.readings("retrieval", {"train": train, "test": test}, "trunk", SETTINGS)
    assert [reading.probe for reading in found] == ["retrieval@object", "retrieval@hue", "retrieval@rotation"]
    known = [part.labels["label"] >= 0 for part in (train, test)]
    upright = [part.of("upright", "trunk") for part in (train, test)]
    label = [part.labels["label"] for part in (train, test)]
    hue = [part.labels["hue_shift"] for part in (train, test)]
    shifted = [part.of("hue_shift", "trunk") for part in (train, test)]
    turned = np.concatenate([train.of(copy, "trunk") for copy in TURNS])
    turn = test.labels["turn"]
    query = np.stack([test.of(TURNS[turn[row]], "trunk")[row] for row in range(20)])
    expected = [
        share_by_loop(upright[0][known[0]], label[0][known[0]], upright[1][known[1]], label[1][known[1]], 5),
        share_by_loop(shifted[0], hue[0], shifted[1], hue[1], 5),
        share_by_loop(turned, np.repeat(np.arange(4), 60), query, turn, 5),
    ]
    assert [reading.value for reading in found] == pytest.approx(expected, abs=1e-3)
    assert found[2].chance == 25.0 and found[2].rows == {"train": 240, "test": 20}
    drawn = np.mean([np.mean(hue[0] == each) for each in hue[1]])
    assert found[1].chance == pytest.approx(100 * drawn, abs=1e-3)


class Pictures:
    """One color a class, and light from above."""

    size = 6

    def __init__(self, count, start, fields=("label", "hue")):
        self.label = np.arange(count) % 3
        self.images = np.zeros((count, 6, 6, 3), np.uint8)
        self.images[..., 0] = 60 + 80 * self.label[:, None, None]
        self.images[:, 0, :, 2] = 200
        self.fields = dict.fromkeys(fields, ("a", "b", "c"))
        self.labels = dict.fromkeys(fields, self.label)
        self.ids = np.array([f"{start + number:05d}" for number in range(count)])

    def __len__(self):
        return len(self.images)

    def fetch(self, indices):
        known = {"image": self.images, "id": self.ids, **self.labels}
        return {key: tf.gather(tf.constant(value), indices) for key, value in known.items()}


def sources(**kwargs):
    return {part: Pictures(count, start, **kwargs) for part, count, start in (("train", 60, 0), ("test", 24, 100))}


def embed(images):
    """`color` sees the mean red alone, `light` the lit side alone."""
    pixels = tf.cast(images, tf.float32)
    blue = pixels[..., 2]
    sides = [tf.reduce_mean(side, 1) for side in (blue[:, 0], blue[:, -1], blue[:, :, 0], blue[:, :, -1])]
    return {
        "trunk": tf.reshape(pixels, [len(images), -1]),
        "color": tf.stack([tf.reduce_mean(pixels[..., 0], [1, 2]), tf.fill([len(images)], 100.0)], 1),
        "light": tf.stack(sides, 1),
    }


def test_each_space_finds_what_it_keeps():
    found = {(read.representation, read.probe): read for read in readings(embed, sources(), SETTINGS)}
    assert found["color", "retrieval@object"].value == found["color", "retrieval@hue"].value == 100.0
    assert found["light", "retrieval@rotation"].value == 100.0
    assert found["light", "retrieval@object"].chance == pytest.approx(33.3, abs=1)
    assert next(iter(readings(embed, sources(), SETTINGS))).setting == {"neighbors": 5}


def test_hue_is_that_of_the_shifts_where_it_is_no_label():
    found = {read.probe for read in readings(embed, sources(fields=("label",)), SETTINGS)}
    assert found == {"retrieval@object", "retrieval@hue", "retrieval@rotation"}
    grey = sources(fields=("label",))
    for part in grey.values():
        part.images[:] = part.images.max(axis=-1, keepdims=True)
    assert PROBES["retrieval"](grey).copies == TURNS


def test_a_picture_that_rotation_does_not_move_stands_for_all_turns():
    """All four turns of a picture lie in one point: of every four neighbors one has the turn of the query."""
    settings = dataclasses.replace(SETTINGS, retrieved=8)
    found = {(read.representation, read.probe): read.value for read in readings(embed, sources(), settings)}
    assert abs(found["color", "retrieval@rotation"] - 25) < 15


def test_the_turn_of_a_picture_hangs_on_its_id_alone():
    ids = tf.constant([f"{number:04d}" for number in range(400)])
    turns = turn_of(ids).numpy()
    assert np.bincount(turns, minlength=4).min() > 60
    np.testing.assert_array_equal(turn_of(ids[100:110]), turns[100:110])


def test_more_neighbors_than_pictures_are_all_pictures():
    first = next(iter(readings(embed, sources(), dataclasses.replace(SETTINGS, retrieved=1000))))
    assert first.setting == {"neighbors": 54} and first.value == pytest.approx(first.chance)


def test_a_count_of_none_is_refused():
    experiment = dataclasses.replace(config.Experiment(), evaluation=dataclasses.replace(SETTINGS, retrieved=0))
    experiment = dataclasses.replace(experiment, training=config.Training(steps=1))
    with pytest.raises(UserError, match=r"evaluation\.retrieved should be above 0"):
        config.validate(experiment)
