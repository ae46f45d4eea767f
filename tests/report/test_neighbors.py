"""Nearest neighbors, and which pictures are asked for."""

import base64
import io

import numpy as np
from PIL import Image

from looc_tf.report.neighbors import data_uri, nearest, spread_queries


def pictures(count):
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones([1, 4, 4, 3], np.uint8)


def numbers(found):
    return {name: [int(picture[0, 0, 0]) for picture in row] for name, row in found.items()}


def test_neighbors_are_the_nearest_by_cosine_and_never_the_query():
    angles = np.array([0.0, 0.1, 0.3, 2.0, 3.0])
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array([[1], [9], [2], [5], [1]])
    reverse = np.stack([np.cos(3 * angles), np.sin(3 * angles)], axis=1)
    first, last = nearest(pictures(5), {"a": circle, "b": reverse}, [0, 4], 2, names=list("vwxyz"))
    assert numbers(first.found) == {"a": [1, 2], "b": [3, 1]}  # in b the picture of 2.0 has gone round the circle
    assert (int(first.query[0, 0, 0]), first.name) == (0, "v")
    assert numbers(last.found)["a"] == [3, 2] and last.name == "z"


def test_equal_pictures_and_fewer_pictures_than_asked_for():
    same = np.ones([4, 3])
    (row,) = nearest(pictures(4), {"a": same}, [2], 2)
    assert len(row.found["a"]) == 2 and row.name == ""
    (row,) = nearest(pictures(3), {"a": np.eye(3)}, [0], 6)
    assert sorted(numbers(row.found)["a"]) == [1, 2]
    (row,) = nearest(pictures(1), {"a": np.eye(1)}, [0], 6)
    assert row.found["a"] == []


def test_queries_are_of_different_labels_as_far_as_there_are_any():
    labels = np.array([0] * 50 + [1] * 2 + [2])
    rows = spread_queries(labels, 3)
    assert sorted(labels[rows]) == [0, 1, 2] and rows == spread_queries(labels, 3)
    many = spread_queries(labels, 6)
    assert len(set(many)) == 6 and sorted(labels[many[:3]]) == [0, 1, 2]
    assert len(spread_queries(np.full(4, -1), 6)) == 4


def test_a_picture_goes_into_a_page_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, [5, 7, 3], np.uint8)
    kind, _, content = data_uri(image).partition(",")
    assert kind == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))), image)
