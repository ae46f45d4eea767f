"""Color against torchvision's semantics: Pillow's enhancers, colorsys, and the distribution of the joint draw."""

import colorsys
import itertools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance

from looc_tf.augment import Color, Solarize
from looc_tf.augment.color import BRIGHTNESS, CONTRAST, HUE, ORDERS, SATURATION

COUNT, SIZE = 24, 16  # one shape: the operations are compiled for each


@pytest.fixture(scope="module")
def images():
    """Bytes as floats, smooth enough for Pillow's rounding not to add up."""
    return np.random.default_rng(0).integers(0, 256, [COUNT, SIZE, SIZE, 3]).astype(np.float32) / 255


def parameters(factors=(1.0, 1.0, 1.0), hue=0.0, order=ORDERS[0], on=True, gray=False):
    def repeat(value, dtype):
        return tf.constant(np.broadcast_to(np.asarray(value, dtype), [COUNT, *np.shape(value)]))

    return {
        "on": repeat(on, bool),
        "factors": repeat(factors, np.float32),
        "hue": repeat(hue, np.float32),
        "order": repeat(order, np.int32),
        "gray": repeat(gray, bool),
    }


def luma(image):
    return image @ np.array([0.299, 0.587, 0.114])


def turn(image, turns):
    """The hue of [H, W, 3] turned, one pixel at a time."""
    pixels = [colorsys.rgb_to_hsv(*pixel) for pixel in image.reshape(-1, 3)]
    return np.array([colorsys.hsv_to_rgb((h + turns) % 1, s, v) for h, s, v in pixels]).reshape(image.shape)


def slow_jitter(image, factors, hue, order):
    """torchvision's ColorJitter on floats, one operation after another in float64."""
    image = image.astype(np.float64)
    for operation in order:
        if operation == HUE:
            image = turn(image, hue)
            continue
        other = {BRIGHTNESS: 0.0, CONTRAST: luma(image).mean(), SATURATION: luma(image)[..., None]}[operation]
        image = np.clip(factors[operation] * image + (1 - factors[operation]) * other, 0, 1)
    return image


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.4])
@pytest.mark.parametrize(
    ("operation", "enhancer"),
    [(BRIGHTNESS, ImageEnhance.Brightness), (CONTRAST, ImageEnhance.Contrast), (SATURATION, ImageEnhance.Color)],
)
def test_equals_pillow_within_its_rounding(images, operation, enhancer, factor):
    factors = np.ones(3)
    factors[operation] = factor
    ours = Color().apply(tf.constant(images), parameters(factors)).numpy()
    for image, view in zip(images[:4], ours):
        theirs = enhancer(Image.fromarray((255 * image).round().astype(np.uint8))).enhance(factor)
        np.testing.assert_allclose(255 * view, np.asarray(theirs, np.float32), atol=1.6)


@pytest.mark.parametrize("turns", [-0.5, -0.1, 0.25, 0.5])
def test_hue_turns_the_hsv_circle(images, turns):
    gray = images.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    mixed = np.where(np.arange(SIZE)[:, None, None] < 3, gray, images)  # grays have no hue and must survive
    ours = Color().apply(tf.constant(mixed), parameters(hue=turns)).numpy()
    for image, view in zip(mixed[:2], ours):
        np.testing.assert_allclose(view, turn(image, turns), atol=1e-5)


def test_every_order_equals_the_slow_twin(images):
    random = np.random.default_rng(1)
    factors, hue = random.uniform(0.5, 1.6, [COUNT, 3]), random.uniform(-0.5, 0.5, COUNT)
    drawn = {**parameters(), "order": tf.constant(ORDERS, tf.int32)}
    drawn |= {"factors": tf.constant(factors, tf.float32), "hue": tf.constant(hue, tf.float32)}
    ours = Color().apply(tf.constant(images), drawn).numpy()
    slow = [slow_jitter(*each) for each in zip(images, factors, hue, ORDERS)]
    np.testing.assert_allclose(ours, slow, atol=1e-5)
    assert len({view.tobytes() for view in ours}) == COUNT == len(ORDERS)


def test_gray_comes_last_and_also_without_jitter(images):
    ours = Color().apply(tf.constant(images), parameters(factors=(0.1, 0.1, 0.1), on=False, gray=True)).numpy()
    np.testing.assert_allclose(ours, luma(images)[..., None].repeat(3, axis=-1), atol=1e-6)


def test_the_joint_draw_has_the_distribution_of_the_recipe():
    color = Color(brightness=0.4, contrast=0.3, saturation=1.5, hue=0.5, probability=0.8, grayscale=0.2)
    count = 20000
    drawn = {name: p.numpy() for name, p in color.sample(tf.random.stateless_uniform([count, 7], (0, 1))).items()}
    assert abs(drawn["on"].mean() - 0.8) < 0.012
    assert abs(drawn["gray"].mean() - 0.2) < 0.012
    assert abs((drawn["on"] & drawn["gray"]).mean() - 0.16) < 0.012  # independent
    for column, (low, high) in enumerate([(0.6, 1.4), (0.7, 1.3), (0.0, 2.5)]):
        factor = drawn["factors"][:, column]
        assert low <= factor.min() < low + 0.01
        assert high - 0.01 < factor.max() <= high
        assert abs(factor.mean() - (low + high) / 2) < 0.03
    assert -0.5 <= drawn["hue"].min() < -0.499
    assert 0.499 < drawn["hue"].max() < 0.5
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for order in drawn["order"]:
        counts[tuple(order)] += 1
    assert min(counts.values()) > 0.8 * count / 24
    assert max(counts.values()) < 1.2 * count / 24


def test_solarize_inverts_from_the_threshold_on():
    images = tf.constant([[[[0.0, 0.25, 0.5]]], [[[0.5, 0.75, 1.0]]]])
    views = Solarize(threshold=0.5).apply(images, {"on": tf.constant([True, True])})
    np.testing.assert_allclose(views, [[[[0.0, 0.25, 0.5]]], [[[0.5, 0.25, 0.0]]]])
