"""Batches hang on (seed, step) alone, visit every picture, and say which key belongs to which query."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from looc_tf.augment import build
from looc_tf.data import open_source
from looc_tf.errors import UserError
from looc_tf.views import ViewPlan, leave_one_out, training_batches
from looc_tf.views import batches as module


@dataclasses.dataclass(frozen=True)
class Space:
    name: str
    shares: tuple


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return open_source(tiny.draw(tmp_path_factory.mktemp("pictures")), size=16)


def plan(*spaces, **options):
    return leave_one_out({"crop": build("crop", size=16), "rotation": build("rotation")}, spaces, **options)


def test_a_later_start_gives_the_same_batches(source):
    whole = list(training_batches(source, plan(Space("all", ())), batch=8, seed=3, steps=7))
    rest = list(training_batches(source, plan(Space("all", ())), batch=8, seed=3, start=5, steps=7))
    assert len(whole) == 7 and len(rest) == 2
    for early, late in zip(whole[5:], rest):
        tf.nest.map_structure(np.testing.assert_array_equal, early, late)


def test_seeds_and_steps_differ(source):
    first, second = training_batches(source, plan(), batch=8, seed=0, steps=2)
    other = next(iter(training_batches(source, plan(), batch=8, seed=1, steps=1)))
    assert set(first["picture"].numpy()) != set(other["picture"].numpy())
    assert not np.array_equal(first["views"]["query"], second["views"]["query"])


def test_an_epoch_visits_each_picture_once(source):
    batch = len(source) // 3
    pictures = [one["picture"].numpy() for one in training_batches(source, plan(), batch=batch, steps=6)]
    for epoch in (pictures[:3], pictures[3:]):
        assert len(set(np.concatenate(epoch))) == 3 * batch
    assert not np.array_equal(np.concatenate(pictures[:3]), np.concatenate(pictures[3:]))


def test_order_names_the_query_of_each_key(source):
    everything = Space("same", ("crop", "rotation"))  # a key that shares all of the query's draws has its pixels
    batch = next(iter(training_batches(source, plan(everything), batch=8, steps=1)))
    query, key, order = batch["views"]["query"].numpy(), batch["views"]["same"].numpy(), batch["order"].numpy()
    assert sorted(order) == list(range(8)) and list(order) != list(range(8))
    np.testing.assert_allclose(key, query[order], atol=1e-6)


def test_keys_may_stay_beside_their_queries(source):
    views = [plan(Space("all", ()), shuffled=each) for each in (True, False)]
    [shuffled], [beside] = (list(training_batches(source, each, batch=8, steps=1)) for each in views)
    np.testing.assert_array_equal(beside["order"], range(8))
    for name, images in beside["views"].items():
        expected = images if name == "query" else tf.gather(images, shuffled["order"])
        np.testing.assert_array_equal(shuffled["views"][name], expected)


def test_labels_and_views_belong_to_the_pictures(source):
    uncut = leave_one_out({"rotation": build("rotation")}, [Space("same", ("rotation",))])
    for batch in training_batches(source, uncut, batch=8, steps=2):
        pictures = batch["picture"].numpy()
        assert source.labels["label"][pictures].tolist() == batch["label"].numpy().tolist()
        whole = source.fetch(pictures)["image"].numpy() / 255
        np.testing.assert_allclose(batch["views"]["query"].numpy().mean((1, 2)), whole.mean((1, 2)), atol=0.05)


def test_the_parameters_behind_the_views_come_along_where_asked_for(source):
    views = plan(Space("all", ()))
    assert "parameters" not in next(iter(training_batches(source, views, batch=8, steps=1)))
    asked = ViewPlan(views.augmentations, views.views, recorded=True)
    batch = next(iter(training_batches(source, asked, batch=8, steps=1)))
    pictures = source.fetch(tf.gather(batch["picture"], batch["order"]))["image"]
    again = views.render(tf.cast(pictures, tf.float32) / 255.0, batch["parameters"]["all"])
    np.testing.assert_allclose(again, batch["views"]["all"], atol=1e-6)


def test_a_batch_holds_numbers_alone(source):
    """A string would keep any step from being compiled (`training.xla`)."""
    spec = training_batches(source, plan(Space("all", ())), batch=8, steps=1).element_spec
    assert all(each.dtype.is_floating or each.dtype.is_integer for each in tf.nest.flatten(spec))


def test_fewer_pictures_than_a_batch(source):
    with pytest.raises(UserError, match=rf"A batch takes 64 pictures; .* has {len(source)}\. Lower training\.batch"):
        training_batches(source, plan(), batch=64, steps=1)


def test_memory_bounds_how_many_batches_are_rendered_ahead(monkeypatch):
    monkeypatch.setattr(module.os, "cpu_count", lambda: 64)
    views = {name: tf.TensorSpec([256, 224, 224, 3], tf.float32) for name in "abcd"}
    assert module._batches_ahead(views) == 1  # 617 MB each
    assert module._batches_ahead({"query": tf.TensorSpec([128, 32, 32, 3], tf.float32)}) == 64
