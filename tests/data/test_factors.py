"""The generated set: reproducible, complete, and without the shortcuts that would make a probe trivial."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from looc_tf.data import factors, named, open_source
from looc_tf.data.scene import HUES, OBJECTS, TEXTURES
from looc_tf.data.shapes import SHAPES, distance
from looc_tf.errors import UserError


def test_a_picture_hangs_on_seed_split_and_index_alone():
    first = factors.scene("train", 5)
    factors.scene("train", 6)
    again = factors.scene("train", 5)
    np.testing.assert_array_equal(first.image, again.image)
    assert (first.label, first.hue, first.texture) == (again.label, again.hue, again.texture)
    for other in (factors.scene("train", 6), factors.scene("test", 5), factors.scene("train", 5, seed=1)):
        assert np.mean(other.image != first.image) > 0.5


def test_examples_hold_every_factor():
    rows = [example for _, example in factors.examples("test", 300)]
    assert {row["label"] for row in rows} == set(OBJECTS) and len(OBJECTS) >= 10
    assert {row["hue"] for row in rows} == set(HUES) and len(HUES) == 8
    assert {row["texture"] for row in rows} == set(TEXTURES) and len(TEXTURES) == 6
    assert len({row["id"] for row in rows}) == 300
    picture = tf.io.decode_png(rows[0]["image"].read())
    np.testing.assert_array_equal(picture, factors.scene("test", 0).image)


@pytest.mark.parametrize("name", SHAPES)
def test_no_shape_looks_the_same_after_a_right_angle(name):
    x, y = np.meshgrid(np.linspace(-1.2, 1.2, 64), np.linspace(-1.2, 1.2, 64))
    inside = distance(name, x, y) < 0
    for turns in (1, 2, 3):
        turned = np.rot90(inside, turns)
        assert (inside & turned).sum() / (inside | turned).sum() < 0.85


@pytest.mark.parametrize("name", SHAPES)
def test_distances_are_true_distances(name):
    x, y = np.meshgrid(np.linspace(-1.3, 1.3, 81), np.linspace(-1.3, 1.3, 81))
    dy, dx = np.gradient(distance(name, x, y), 2.6 / 80)
    assert np.median(np.hypot(dx, dy)) == pytest.approx(1, abs=0.02)
    assert np.hypot(dx, dy).max() < 1.2


def test_the_whole_picture_does_not_give_the_hue_away():
    scenes = [factors.scene("train", index) for index in range(200)]
    means = np.stack([drawn.image.reshape(-1, 3).mean(0) for drawn in scenes])
    hues = np.array([drawn.hue for drawn in scenes])
    centers = np.stack([means[:100][hues[:100] == hue].mean(0) for hue in range(8)])
    guesses = np.linalg.norm(means[100:, None] - centers, axis=2).argmin(1)
    assert np.mean(guesses == hues[100:]) < 0.6


def test_prepared_and_opened_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(factors, "COUNTS", {"train": 12, "validation": 3, "test": 4})
    source = open_source("factors", "test", size=64, data_dir=tmp_path)
    assert len(source) == 4 and set(source.fields) == {"label", "hue", "texture"}
    for index, name in enumerate(source.ids):
        drawn = factors.scene(*(part if part == "test" else int(part) for part in name.split("/")))
        np.testing.assert_array_equal(source.fetch([index])["image"][0], drawn.image)
        assert [source.labels[field][index] for field in ("label", "hue", "texture")] == [
            drawn.label,
            drawn.hue,
            drawn.texture,
        ]
    assert (
        open_source(tmp_path / "factors" / str(factors.Factors.VERSION), "test", size=64).fields == source.fields
    )  # its files, by path


def test_an_unknown_name_lists_the_nearest():
    with pytest.raises(UserError, match="Did you mean 'factors'"):
        named.read_named("factorz")
