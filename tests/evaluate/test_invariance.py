"""Invariance: what moves a copy is one augmentation alone, and how far an embedding follows it is the known amount."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from looc_tf import config
from looc_tf.augment import build
from looc_tf.data import open_parts
from looc_tf.evaluate import readings
from looc_tf.evaluate.features import copies_of
from looc_tf.evaluate.invariance import Invariance, Still
from looc_tf.evaluate.moved import OF_COLOR, STRENGTHS
from looc_tf.evaluate.protocol import some_pictures

SETTINGS = config.Evaluation(probes=("invariance",), moved=24, retrieved=3, batch=16)
PICTURES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
BATCH = {"image": tf.constant(PICTURES), "id": tf.constant(["a", "b", "c"])}


def copy(name, batch=BATCH):
    made = copies_of(f"moved/{name}")(batch)
    assert made.dtype == tf.uint8 and made.shape == batch["image"].shape
    return made.numpy()


@pytest.mark.parametrize("kind", STRENGTHS)
def test_at_rest_a_copy_is_the_picture(kind):
    np.testing.assert_array_equal(copy(f"{kind}/{STRENGTHS[kind][0]:g}"), PICTURES)


@pytest.mark.parametrize("kind", STRENGTHS)
def test_a_stronger_copy_is_farther_from_the_picture(kind):
    smooth = tf.image.resize(BATCH["image"][:, :4, :4], (16, 16))  # so that a small move is a small change
    batch = {**BATCH, "image": tf.cast(smooth, tf.uint8)}
    moves = [f"{kind}/{strength:g}" for strength in STRENGTHS[kind]]
    apart = [np.abs(copy(move, batch).astype(float) - batch["image"].numpy()).mean() for move in moves]
    assert all(far > 0 for far in apart[1:])
    if kind != "rotation":  # three quarters are not farther than two
        assert apart == sorted(apart)


def test_copies_are_those_of_the_augmentations():
    np.testing.assert_array_equal(copy("rotation/90"), np.rot90(PICTURES, 1, axes=(1, 2)))
    np.testing.assert_array_equal(copy("rotation/270"), np.rot90(PICTURES, 3, axes=(1, 2)))
    np.testing.assert_array_equal(copy("brightness/0.6"), np.round(PICTURES * np.float32(0.4)))
    expected = tf.image.adjust_hue(BATCH["image"], 0.3).numpy().astype(int)
    assert np.abs(copy("hue/0.3") - expected).max() <= 1
    grey = copy("saturation/1")
    assert np.abs(grey[..., :1].astype(int) - grey).max() <= 1
    blur = build("blur", sigma=(1.5, 1.5), probability=1.0)
    blurred = blur.apply(PICTURES / np.float32(255), blur.sample(tf.zeros([3, 2])))
    assert np.abs(copy("blur/1.5") / 255 - blurred).max() < 1 / 255
    middle = tf.image.resize(PICTURES[:, 4:12, 4:12], (16, 16)) / 255
    inner = slice(2, 14)  # at its border the one sees beyond the middle and the other does not
    assert np.abs((copy("crop/0.25") / 255 - middle)[:, inner, inner]).max() < 2 / 255


def test_the_random_kernel_of_a_picture_hangs_on_its_id_alone():
    whole = copy("texture/1")
    one = {"image": BATCH["image"][1:2], "id": BATCH["id"][1:2]}
    assert np.abs(copy("texture/1", one).astype(int) - whole[1:2]).max() <= 1
    other = copy("texture/1", {**BATCH, "id": tf.constant(["x", "y", "z"])})
    assert np.abs(other.astype(int) - whole).mean() > 5
    half, clipped = (whole.astype(float) + PICTURES) / 2, (whole == 0) | (whole == 255)
    assert np.abs(copy("texture/0.5") - half)[~clipped].max() <= 1  # the same kernel at each strength


def test_levels_are_those_of_a_plain_loop():
    draw = np.random.default_rng(1)
    still, moved = draw.normal(size=(30, 4)), draw.normal(size=(30, 4))
    moved = (still + 0.6 * moved).astype(np.float32)

    def cosine(a, b):
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    own, kept, found = [], [], []
    for row in range(30):
        others = [other for other in range(30) if other != row]
        before = sorted(others, key=lambda other: -cosine(still[row], still[other]))[:5]
        now = sorted(others, key=lambda other: -cosine(moved[row], still[other]))[:5]
        own.append(cosine(moved[row], still[row]))
        kept.append(len(set(before) & set(now)) / 5)
        found.append(all(own[-1] > cosine(moved[row], still[other]) for other in others))
    levels = Still(still, 5).against(moved)
    assert levels == pytest.approx((100 * np.mean(own), 100 * np.mean(kept), 100 * np.mean(found)), abs=1e-3)
    pairs = [cosine(a, b) for i, a in enumerate(still) for j, b in enumerate(still) if i != j]
    assert Still(still, 5).chance() == pytest.approx((100 * np.mean(pairs), 500 / 29, 100 / 30), abs=1e-3)


def test_pictures_in_one_point_are_not_found():
    one = np.ones((6, 3), np.float32)
    assert Still(one, 2).against(one).found == 0 and Still(one, 2).against(one).cosine == pytest.approx(100, abs=1e-3)


def embed(images):
    """`still` sees no color, `place` sees the pixels: the one is left alone by hue, the other by nothing."""
    pixels = tf.cast(images, tf.float32)
    value = tf.reduce_max(pixels, axis=-1)
    return {"trunk": tf.reshape(value, [len(images), -1]), "place": tf.reshape(pixels, [len(images), -1])}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    sources = open_parts(tiny.draw(tmp_path_factory.mktemp("pictures")), size=16)
    return sources, list(readings(embed, sources, SETTINGS))


def test_a_representation_that_ignores_hue_reads_100(read):
    values = {(each.representation, each.probe): each.value for each in read[1]}
    assert values["trunk", "invariance@hue/0.5 cosine"] == pytest.approx(100, abs=0.2)
    assert values["trunk", "invariance@hue"] > values["place", "invariance@hue"] - 1e-6
    assert values["place", "invariance@hue/0.5 cosine"] < 99
    for kind, strengths in STRENGTHS.items():
        assert values["place", f"invariance@{kind}/{strengths[0]:g} cosine"] == pytest.approx(100, abs=1e-3)
        found = [values["place", f"invariance@{kind}/{strength:g} found"] for strength in strengths[1:]]
        assert values["place", f"invariance@{kind}"] == pytest.approx(np.mean(found), abs=1e-3)


def test_a_bounded_number_of_test_pictures_is_moved(read):
    sources, made = read
    assert {each.rows["test"] for each in made} == {min(24, len(sources["test"]))}
    few = dataclasses.replace(SETTINGS, moved=4)
    assert {each.rows["test"] for each in readings(embed, sources, few)} == {4}
    np.testing.assert_array_equal(some_pictures(sources["test"], 4), some_pictures(sources["test"], 4))


def test_it_repeats(read):
    sources, made = read
    assert [each.value for each in readings(embed, sources, SETTINGS)] == [each.value for each in made]


def test_grey_pictures_have_no_hue_to_turn():
    grey = Invariance(color=False)
    assert set(STRENGTHS) - set(grey.strengths) == set(OF_COLOR)
    assert not [name for name in grey.sample(SETTINGS).copies if "hue" in name]
