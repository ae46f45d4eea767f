"""The space: its queue is first in first out for any batch size, its contrast reads and never writes."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import references

from looc_tf.memory import EmbeddingSpace


def keys(count, dimension=5, seed=0):
    rows = np.random.default_rng(seed).normal(size=[count, dimension]).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def make(queue=7, seed=0, **options):
    return EmbeddingSpace("color", shares=("color",), temperature=0.2, queue=queue, dimension=5, seed=seed, **options)


def test_the_queue_starts_as_unit_vectors_that_its_seed_decides():
    np.testing.assert_allclose(np.linalg.norm(make().queue, axis=1), 1, atol=1e-6)
    assert np.array_equal(make(seed=1).queue, make(seed=1).queue)
    assert not np.array_equal(make(seed=1).queue, make(seed=2).queue)


SIZES = [
    [7, 7],
    [3] * 5,
    [1] * 9,
    [2, 5, 1, 7, 3],
    [6, 6],
    [20],
    [3, 20, 2],
    [8, 15],
]  # of batches; the queue has 7 rows


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_first_in_first_out_for_every_batch_size(sizes):
    space = make()
    twin = references.Fifo(space.queue.numpy())
    for number, size in enumerate(sizes):
        batch = keys(size, seed=number)
        space.commit(tf.constant(batch))
        twin.push(batch)
        np.testing.assert_array_equal(space.queue, twin.rows)
    assert int(space.entered) == sum(sizes)


def test_commit_works_in_a_graph_of_unknown_batch_size():
    space, twin = make(), references.Fifo(make().queue.numpy())
    commit = tf.function(space.commit, input_signature=[tf.TensorSpec([None, 5])])
    for size in (4, 6, 9):
        commit(tf.constant(keys(size, seed=size)))
        twin.push(keys(size, seed=size))
    np.testing.assert_array_equal(space.queue, twin.rows)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("siblings", [0, 1, 2, 3])
def test_contrast_has_one_and_siblings_and_queue_logits(siblings, batch):
    loss, logits = make()(keys(batch), keys(batch, seed=1), np.zeros([batch, siblings, 5], np.float32))
    assert loss.shape == (batch,) and logits.shape == (batch, 1 + siblings + 7)


def test_contrast_never_writes_the_queue():
    space = make()
    before = space.queue.numpy()
    space(keys(3), keys(3, seed=1), np.zeros([3, 0, 5], np.float32), training=True)
    np.testing.assert_array_equal(space.queue, before)
    assert int(space.entered) == 0


def test_it_computes_in_float32_under_mixed_precision():
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    space = make()
    loss, _ = space(keys(3), keys(3, seed=1), np.zeros([3, 0, 5], np.float32))
    assert loss.dtype == space.queue.dtype == tf.float32


def test_nothing_of_it_is_trained():
    assert make().trainable_variables == []
    assert {variable.name for variable in make().variables} == {"queue:0", "entered:0"}
