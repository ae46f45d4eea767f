"""NT-Xent against numbers worked out apart, against a slow twin, and at its closed form."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import references

from looc_tf.losses import in_batch, info_nce

A = [[1.0, 0.2, -0.5, 0.3], [-0.4, 0.9, 0.1, 0.7], [0.6, -0.8, 0.4, 0.2]]
B = [[0.8, 0.4, -0.3, 0.1], [-0.2, 1.0, 0.3, 0.4], [0.5, -0.6, 0.7, -0.1]]


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nt_xent(one, two, temperature):
    """The loss of each row of `one`, then of each row of `two`."""
    one, two = (tf.constant(unit(rows), tf.float32) for rows in (one, two))
    own = tf.eye(len(one)) > 0
    return [info_nce(in_batch(a, b, a, b, own, temperature)).numpy() for a, b in ((one, two), (two, one))]


def test_the_oracle():
    one, two = nt_xent(A, B, 0.5)
    np.testing.assert_allclose(one, [0.510986, 0.345944, 0.438779], atol=1e-6)
    np.testing.assert_allclose(two, [0.520974, 0.389975, 0.358365], atol=1e-6)
    np.testing.assert_allclose((one + two) / 2, [0.515980, 0.367960, 0.398572], atol=1e-6)
    assert np.mean([one, two]) == pytest.approx(0.427504, abs=1e-6)
    assert np.mean(nt_xent(A, B, 0.1)) == pytest.approx(0.000692, abs=1e-6)


def test_negatives_are_of_both_views():
    """With the other view's rows alone it would be another loss, 0.222959."""
    a, b = (tf.constant(unit(rows), tf.float32) for rows in (A, B))
    across = tf.matmul(a, b, transpose_b=True) / 0.5
    both = [tf.reduce_logsumexp(each, axis=1) - tf.linalg.diag_part(each) for each in (across, tf.transpose(across))]
    assert float(tf.reduce_mean(both)) == pytest.approx(0.222959, abs=1e-6)
    assert np.mean(nt_xent(A, B, 0.5)) > 0.4


@pytest.mark.parametrize("count, dimension", [(1, 3), (2, 5), (7, 4)])
def test_the_slow_twin(count, dimension):
    random = np.random.default_rng(count)
    one, two = random.normal(size=(2, count, dimension))
    expected = references.nt_xent(unit(one), unit(two), 0.3)
    np.testing.assert_allclose(np.concatenate(nt_xent(one, two, 0.3)), expected, rtol=1e-5, atol=1e-6)


def test_identical_embeddings_give_the_loss_of_guessing():
    np.testing.assert_allclose(nt_xent(np.ones([3, 4]), np.ones([3, 4]), 0.5), np.log(5), rtol=1e-6)  # log(2 G - 1)


def test_gradients_are_finite_where_an_embedding_is_its_own_neighbor():
    rows = tf.Variable(unit(A), dtype=tf.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(info_nce(in_batch(rows, rows, rows, rows, tf.eye(3) > 0, 0.05)))
    assert np.isfinite(tape.gradient(loss, rows)).all()
