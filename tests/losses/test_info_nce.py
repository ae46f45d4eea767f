"""The contrast and its loss against slow twins in float64, closed forms and finite differences."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import references

from looc_tf.losses import contrast, info_nce

# (B, S, K, D): n = 0, 1, 2, 3 spaces beside `all`, and sizes that no real run has.
SIZES = [(4, 0, 8, 4), (4, 1, 8, 4), (4, 2, 8, 4), (4, 3, 8, 4), (1, 2, 7, 5), (3, 0, 5, 5), (3, 3, 1, 5), (1, 0, 1, 1)]
sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: "B{}-S{}-K{}-D{}".format(*size))


def unit(*shape, seed=0):
    rows = np.random.default_rng(seed).normal(size=shape)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def rows(size):
    b, s, k, d = size
    return unit(b, d), unit(b, d, seed=1), unit(b, s, d, seed=2) if s else np.zeros([b, 0, d]), unit(k, d, seed=3)


def loss_of(query, positive, siblings, queue, temperature=0.2):
    return info_nce(contrast(query, positive, siblings, queue, temperature))


@sizes
def test_loss_equals_the_numpy_twin(size):
    query, positive, siblings, queue = rows(size)
    expected = [references.looc_loss(q, p, s, queue, 0.2) for q, p, s in zip(query, positive, siblings)]
    np.testing.assert_allclose(loss_of(query, positive, siblings, queue), expected, rtol=1e-12)


@sizes
def test_number_of_logits_is_one_and_siblings_and_queue(size):
    b, s, k, _ = size
    assert contrast(*rows(size), 0.2).shape == (b, 1 + s + k)


@sizes
def test_gradient_equals_the_numpy_twin(size):
    query, positive, siblings, queue = (tf.constant(part) for part in rows(size))
    with tf.GradientTape() as tape:
        tape.watch(query)
        loss = tf.reduce_sum(loss_of(query, positive, siblings, queue))
    expected = [
        references.looc_gradient(q, p, s, queue.numpy(), 0.2)
        for q, p, s in zip(query.numpy(), positive.numpy(), siblings.numpy())
    ]
    np.testing.assert_allclose(tape.gradient(loss, query), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [(3, 2, 5, 5), (1, 0, 4, 3)], ids=["looc", "moco"])
def test_gradient_equals_finite_differences(size):
    query, *keys = rows(size)
    point = tf.constant(query)
    with tf.GradientTape() as tape:
        tape.watch(point)
        loss = tf.reduce_sum(loss_of(point, *keys))
    expected = references.finite_difference(lambda q: float(tf.reduce_sum(loss_of(tf.constant(q), *keys))), query)
    np.testing.assert_allclose(tape.gradient(loss, point), expected, atol=1e-7)


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
@pytest.mark.parametrize("siblings", [0, 1, 3])
def test_identical_embeddings_give_log_of_the_number_of_logits(siblings, temperature):
    one = np.repeat(unit(1, 5), 3, axis=0)
    loss = loss_of(one, one, np.repeat(one[:, None], siblings, axis=1), np.repeat(one[:1], 7, axis=0), temperature)
    np.testing.assert_allclose(loss, np.log(1 + siblings + 7), rtol=1e-12)


def test_a_sibling_weighs_as_much_as_a_row_of_the_queue():
    query, positive, siblings, queue = rows((1, 2, 6, 5))
    moved = np.concatenate([queue, siblings[0]])
    np.testing.assert_allclose(
        loss_of(query, positive, siblings, queue), loss_of(query, positive, siblings[:, :0], moved), rtol=1e-12
    )


def test_small_temperatures_do_not_overflow():
    query = unit(4, 8).astype(np.float32)
    loss = loss_of(query, -query, query[:, None], query, temperature=1e-3)
    assert np.isfinite(loss).all() and (np.array(loss) > 1000).all()


def test_no_gradient_of_the_closest_when_it_is_alone():
    query = unit(2, 4)
    np.testing.assert_allclose(loss_of(query, query, np.zeros([2, 0, 4]), np.zeros([0, 4])), 0, atol=1e-15)
