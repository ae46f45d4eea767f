"""Blur and random convolution against slow twins; the stylised copy."""

import numpy as np
import pytest
import tensorflow as tf

from looc_tf.augment import Blur, Stylized, Texture
from looc_tf.augment.blur import gaussian_blur
from looc_tf.augment.texture import random_convolution
from looc_tf.errors import UserError


def pictures(count=4, size=20):
    return np.random.default_rng(0).random([count, size, size, 3], np.float32)


def slow_blur(image, sigma, radius):
    offsets = np.arange(-radius, radius + 1)
    taps = np.exp(-(offsets**2) / (2 * sigma**2))
    taps /= taps.sum()
    padded = np.pad(image, [(radius, radius), (radius, radius), (0, 0)], mode="reflect")
    height, width = image.shape[:2]
    return sum(
        taps[dy + radius] * taps[dx + radius] * padded[radius + dy :, radius + dx :][:height, :width]
        for dy in offsets
        for dx in offsets
    )


@pytest.mark.parametrize("radius", [1, 3])
def test_blur_equals_the_slow_twin(radius):
    images, sigmas = pictures(), np.array([0.1, 0.7, 1.3, 2.0], np.float32)
    views = gaussian_blur(tf.constant(images), tf.constant(sigmas), radius)
    np.testing.assert_allclose(views, [slow_blur(x, s, radius) for x, s in zip(images, sigmas)], atol=1e-5)


def test_the_kernel_is_a_tenth_of_the_view_and_loses_less_than_a_thousandth_of_a_wider_one():
    point = np.zeros([1, 224, 224, 3], np.float32)
    point[:, 112, 112] = 1
    on = {"on": tf.constant([True]), "sigma": tf.constant([2.0])}
    view = Blur().apply(tf.constant(point), on).numpy()[0, :, 112, 0]
    assert np.count_nonzero(view) == 15
    wide = gaussian_blur(tf.constant(point), tf.constant([2.0]), 11).numpy()[0, :, 112, 0]
    assert np.abs(view - wide).sum() < 1e-3 * 0.2 * 4
    small = Blur().apply(tf.constant(point[:, 96:128, 96:128]), on).numpy()
    assert np.count_nonzero(small[0, :, 16, 0]) == 3


def test_blur_is_drawn_as_in_the_recipe():
    drawn = Blur().sample(tf.random.stateless_uniform([20000, 2], (0, 1)))
    assert abs(drawn["on"].numpy().mean() - 0.5) < 0.015
    assert 0.1 <= drawn["sigma"].numpy().min() < 0.11
    assert 1.99 < drawn["sigma"].numpy().max() <= 2.0


def test_random_convolution_equals_the_slow_twin():
    images = pictures(count=3, size=9)
    kernels = np.random.default_rng(1).normal(size=[3, 5, 5, 3, 3]).astype(np.float32)
    views = random_convolution(tf.constant(images), tf.constant(kernels)).numpy()
    for image, kernel, view in zip(images, kernels, views):
        padded = np.pad(image - image.mean(), [(2, 2), (2, 2), (0, 0)])
        slow = sum(padded[y : y + 9, x : x + 9] @ kernel[y, x] for y in range(5) for x in range(5))
        slow = (slow - slow.mean()) / slow.std() * image.std() + image.mean()
        np.testing.assert_allclose(view, slow, atol=1e-5)


def test_kernels_are_normal_with_a_size_and_scale_of_their_own():
    texture = Texture(sizes=(1, 3, 5))
    drawn = texture.sample(tf.random.stateless_uniform([3000, texture.numbers], (0, 1)))
    kernels = drawn["kernel"].numpy()
    sizes = np.count_nonzero(kernels[:, 2, :, 0, 0], axis=1)
    np.testing.assert_allclose(np.bincount(sizes, minlength=6)[[1, 3, 5]] / 3000, 1 / 3, atol=0.04)
    for size in (1, 3, 5):
        inside = slice(2 - size // 2, 3 + size // 2)
        values = kernels[sizes == size][:, inside, inside]
        assert np.count_nonzero(kernels[sizes == size]) == values.size
        assert abs(values.std() * size * 3**0.5 - 1) < 0.03
        assert abs(values.mean()) < 0.01
    assert abs(drawn["on"].numpy().mean() - 0.5) < 0.03


def test_a_flat_picture_survives_texture():
    texture = Texture(probability=1.0)
    flat = tf.fill([8, 16, 16, 3], 0.3)
    views = texture.apply(flat, texture.sample(tf.random.stateless_uniform([8, texture.numbers], (0, 1))))
    np.testing.assert_allclose(views, flat, atol=1e-4)


def test_stylized_swaps_in_the_copy():
    both = tf.concat([tf.zeros([2, 4, 4, 3]), tf.ones([2, 4, 4, 3])], axis=-1)
    views = Stylized().apply(both, {"on": tf.constant([False, True])}).numpy()
    assert views.mean(axis=(1, 2, 3)).tolist() == [0, 1]
    with pytest.raises(UserError, match=r"expects a picture and its stylised copy.*Received 3"):
        Stylized().apply(both[..., :3], {"on": tf.constant([False, True])})
