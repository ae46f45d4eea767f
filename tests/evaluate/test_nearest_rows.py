"""The nearest neighbors by cosine: those of scikit-learn's exact search, whatever the block of queries."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from looc_tf.evaluate import knn


def rows(seed: int, count: int, clusters: int = 20) -> np.ndarray:
    """Features in clusters, of any length."""
    draw = np.random.default_rng(seed)
    centers = np.random.default_rng(99).normal(size=(clusters, 48))
    around = centers[draw.integers(clusters, size=count)] + 0.5 * draw.normal(size=(count, 48))
    return (around * draw.uniform(0.1, 30, size=(count, 1))).astype(np.float32)


@pytest.mark.parametrize("at_once", [2**24, 3000, 1])
def test_they_are_those_of_an_exact_search(monkeypatch, at_once):
    monkeypatch.setattr(knn, "AT_ONCE", at_once)
    train, queries = rows(0, 700), rows(1, 90)
    cosines, found = knn.nearest_rows(train, queries, 25)
    exact = NearestNeighbors(n_neighbors=25, algorithm="brute").fit(normalize(train.astype(np.float64)))
    distances, expected = exact.kneighbors(normalize(queries.astype(np.float64)))
    assert cosines.shape == found.shape == (90, 25)
    np.testing.assert_allclose(cosines, 1 - distances**2 / 2, atol=1e-6)
    apart = np.diff(distances**2 / 2, axis=1) > 1e-6  # of two that are nearer than rounding either may come first
    assert apart.mean() > 0.99
    np.testing.assert_array_equal(found[:, :-1][apart], expected[:, :-1][apart])
    assert all(set(one) == set(other) for one, other in zip(found, expected))


def test_of_equal_rows_the_first_comes_first_and_no_more_are_found_than_there_are():
    cosines, found = knn.nearest_rows(np.ones([4, 3]), np.ones([2, 3]), 9)
    assert found.tolist() == [[0, 1, 2, 3]] * 2
    np.testing.assert_allclose(cosines, 1, atol=1e-6)
