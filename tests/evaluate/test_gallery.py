"""Nearest neighbors among some pictures, and which pictures these are."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from looc_tf.data import open_source, source_of
from looc_tf.evaluate.features import COPIES, turn_of
from looc_tf.evaluate.gallery import gallery_rows, nearest_others, neighborhood, spread


def test_neighbors_are_the_nearest_by_cosine_and_never_the_query():
    angles = np.array([0.0, 0.1, 0.3, 2.0, 3.0])
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array([[1], [9], [2], [5], [1]])
    reverse = np.stack([np.cos(3 * angles), np.sin(3 * angles)], axis=1)
    assert nearest_others(circle, 2)[[0, 4]].tolist() == [[1, 2], [3, 2]]
    assert nearest_others(reverse, 2)[0].tolist() == [3, 1]  # the picture of 2.0 has gone round the circle


def test_equal_pictures_and_fewer_pictures_than_asked_for():
    same = nearest_others(np.ones([40, 3]), 2)
    assert same.shape == (40, 2) and not (same == np.arange(40)[:, None]).any()
    assert all(len(set(row)) == 2 for row in same.tolist())
    assert sorted(nearest_others(np.eye(3), 6)[0]) == [1, 2]
    assert nearest_others(np.eye(1), 6).shape == (1, 0)


def test_it_agrees_with_a_plain_loop():
    vectors = np.random.default_rng(0).normal(size=(30, 5))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for query, row in enumerate(nearest_others(vectors, 4)):
        others = [other for other in range(30) if other != query]
        assert sorted(others, key=lambda other: -unit[query] @ unit[other])[:4] == row.tolist()


def test_queries_are_of_different_labels_as_far_as_there_are_any():
    labels = np.array([0] * 50 + [1] * 2 + [2])
    rows = spread(labels)
    assert sorted(labels[rows[:3]]) == [0, 1, 2] and rows.tolist() == spread(labels).tolist()
    assert sorted(rows) == list(range(53))
    assert sorted(spread(np.full(4, -1))) == [0, 1, 2, 3]


def test_some_pictures_of_a_set_labelled_ones_first(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), np.uint8)
    labels = np.where(np.arange(30) % 3 == 0, np.arange(30) % 2, -1)
    source = source_of(images, labels, size=8)
    rows = gallery_rows(source, 12)
    assert len(rows) == 12 and (source.labels["label"][rows] >= 0).sum() == 10
    assert sorted(source.labels["label"][rows[:3]]) == [-1, 0, 1]
    assert sorted(gallery_rows(source, 99)) == list(range(30))


def test_a_turned_copy_is_turned_against_the_clock_as_often_as_a_hash_says():
    images = np.random.default_rng(0).integers(0, 256, (16, 4, 4, 3), np.uint8)
    batch = {"image": tf.constant(images), "id": tf.constant([f"p{n}" for n in range(16)])}
    turns = turn_of(batch["id"]).numpy()
    assert set(turns) == {0, 1, 2, 3}
    expected = [np.rot90(image, turn) for image, turn in zip(images, turns)]
    np.testing.assert_array_equal(COPIES["turned"](batch), expected)


@pytest.mark.parametrize("spaces", [("all",), ("all", "rotation")])
def test_of_every_representation_as_the_pictures_are_and_turned(tmp_path, spaces):
    """A single space is all spaces side by side, and stands once."""
    source = open_source(str(tiny.draw(tmp_path / "pictures")), "train", size=16)

    def embed(images):
        rows = tf.reshape(tf.cast(images, tf.float32), [len(images), -1])
        still = tf.reduce_mean(tf.cast(images, tf.float32), axis=[1, 2])  # no turn moves it
        return {"trunk": rows, **dict(zip(spaces, (rows[:, :9], still)))}

    rows = gallery_rows(source, 20)
    found = neighborhood(embed, source, rows, 4, batch=7)
    assert set(found.labels) == {"label", "turn", "hue_shift"} and len(found.labels["turn"]) == 20
    assert found.labels["label"].tolist() == source.labels["label"][rows].tolist()
    names = ["trunk", *spaces, *(["concat"] if len(spaces) > 1 else [])]
    for copy in ("upright", "turned"):
        assert list(found.nearest[copy]) == names
        assert all(nearest.shape == (20, 4) for nearest in found.nearest[copy].values())
    unlike = found.nearest["upright"]["trunk"] != found.nearest["turned"]["trunk"]
    assert unlike.any()
    if "rotation" in spaces:
        np.testing.assert_array_equal(found.nearest["upright"]["rotation"], found.nearest["turned"]["rotation"])
