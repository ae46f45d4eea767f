"""Batches hang on (seed, step) alone, visit every picture, and say which key belongs to which query."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tiny

from looc_tf import batches as module
from looc_tf.augment import build
from looc_tf.batches import batches
from looc_tf.data import open_source
from looc_tf.errors import UserError
from looc_tf.views import leave_one_out


@dataclasses.dataclass(frozen=True)
class Space:
    name: str
    shares: tuple


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return open_source(tiny.draw(tmp_path_factory.mktemp("pictures")), size=16)


def plan(*spaces):
    return leave_one_out({"crop": build("crop", size=16), "rotation": build("rotation")}, spaces)


def test_a_later_start_gives_the_same_batches(source):
    whole = list(batches(source, plan(Space("all", ())), batch=8, seed=3, steps=7))
    rest = list(batches(source, plan(Space("all", ())), batch=8, seed=3, start=5, steps=7))
    assert len(whole) == 7 and len(rest) == 2
    for early, late in zip(whole[5:], rest):
        tf.nest.map_structure(np.testing.assert_array_equal, early, late)


def test_seeds_and_steps_differ(source):
    first, second = batches(source, plan(), batch=8, seed=0, steps=2)
    other = next(iter(batches(source, plan(), batch=8, seed=1, steps=1)))
    assert set(first["id"].numpy()) != set(other["id"].numpy())
    assert not np.array_equal(first["views"]["query"], second["views"]["query"])


def test_an_epoch_visits_each_picture_once(source):
    batch = len(source) // 3
    ids = [one["id"].numpy() for one in batches(source, plan(), batch=batch, steps=6)]
    for epoch in (ids[:3], ids[3:]):
        assert len(set(np.concatenate(epoch))) == 3 * batch
    assert not np.array_equal(np.concatenate(ids[:3]), np.concatenate(ids[3:]))


def test_order_names_the_query_of_each_key(source):
    everything = Space("same", ("crop", "rotation"))  # a key that shares all of the query's draws has its pixels
    batch = next(iter(batches(source, plan(everything), batch=8, steps=1)))
    query, key, order = batch["views"]["query"].numpy(), batch["views"]["same"].numpy(), batch["order"].numpy()
    assert sorted(order) == list(range(8)) and list(order) != list(range(8))
    np.testing.assert_allclose(key, query[order], atol=1e-6)


def test_keys_may_stay_beside_their_queries(source):
    views = plan(Space("all", ()))
    [shuffled], [beside] = (list(batches(source, views, batch=8, steps=1, shuffled=each)) for each in (True, False))
    np.testing.assert_array_equal(beside["order"], range(8))
    for name, images in beside["views"].items():
        expected = images if name == "query" else tf.gather(images, shuffled["order"])
        np.testing.assert_array_equal(shuffled["views"][name], expected)


def test_labels_belong_to_the_ids(source):
    label_of = dict(zip(source.ids, source.labels["label"]))
    for batch in batches(source, plan(), batch=8, steps=2):
        assert [label_of[name.decode()] for name in batch["id"].numpy()] == batch["label"].numpy().tolist()


def test_fewer_pictures_than_a_batch(source):
    with pytest.raises(UserError, match=rf"A batch takes 64 pictures; .* has {len(source)}\. Lower training\.batch"):
        batches(source, plan(), batch=64, steps=1)


def test_memory_bounds_how_many_batches_are_rendered_ahead(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 64)
    views = {name: tf.TensorSpec([256, 224, 224, 3], tf.float32) for name in "abcd"}
    assert module._batches_ahead(views) == 1  # 617 MB each
    assert module._batches_ahead({"query": tf.TensorSpec([128, 32, 32, 3], tf.float32)}) == 64
