"""Crop and the rotations against exact twins."""

import numpy as np
import pytest
import tensorflow as tf

from looc_tf.augment import Crop, FreeRotation, Rotation, build_chain
from looc_tf.errors import UserError


def pictures(count=8, size=16):
    return np.random.default_rng(0).integers(0, 256, [count, size, size, 3], dtype=np.uint8)


def box(top, left, height, width, flip=False, count=8):
    return {"box": tf.constant([[top, left, height, width]] * count), "flip": tf.fill([count], flip)}


def test_a_box_of_whole_pixels_copies_them():
    images = pictures()
    views = Crop(size=8).apply(images, box(0.25, 0.5, 0.5, 0.5)).numpy()
    np.testing.assert_allclose(views, images[:, 4:12, 8:16] / 255, atol=1e-6)


def test_flip_mirrors_left_and_right():
    images = pictures()
    straight, mirrored = (Crop(size=11).apply(images, box(0.1, 0.2, 0.6, 0.5, flip)) for flip in (False, True))
    np.testing.assert_allclose(mirrored, straight.numpy()[:, :, ::-1], atol=1e-5)


def test_the_identity_gives_the_very_pixels():
    images = pictures()
    views = Crop(size=16).apply(images, box(0.0, 0.0, 1.0, 1.0)).numpy()
    np.testing.assert_array_equal((255 * views).round().astype(np.uint8), images)


@pytest.mark.parametrize("size", [5, 16, 31])
def test_resizing_samples_where_tf_image_resize_does(size):
    images = pictures()
    views = Crop(size=size).apply(images, box(0.25, 0.25, 0.5, 0.5)).numpy()
    inside = tf.image.resize(images[:, 4:12, 4:12] / 255.0, [size, size]).numpy()
    rim = -(-size // 16)  # at the rim the crop also sees the pixels outside of the box
    np.testing.assert_allclose(views[:, rim:-rim, rim:-rim], inside[:, rim:-rim, rim:-rim], atol=1e-5)


def test_bytes_and_floats_give_the_same_view():
    images = pictures()
    crop = Crop(size=9)
    drawn = crop.sample(tf.random.stateless_uniform([8, 5], (0, 0)))
    np.testing.assert_array_equal(crop.apply(images, drawn), crop.apply(tf.constant(images, tf.float32) / 255, drawn))


def test_boxes_lie_in_the_image_with_the_areas_and_aspects_asked_for():
    crop = Crop(size=8, area=(0.2, 1.0), aspect=(3 / 4, 4 / 3))
    drawn = crop.sample(tf.random.stateless_uniform([20000, 5], (0, 1)))
    top, left, height, width = drawn["box"].numpy().T
    assert min(top.min(), left.min()) >= 0
    assert max((top + height).max(), (left + width).max()) <= 1 + 1e-6
    area, ratio = height * width, width / height
    assert area.min() >= 0.2 - 1e-5
    np.testing.assert_allclose(np.quantile(area, [0.25, 0.5, 0.75]), [0.4, 0.6, 0.8], atol=0.015)
    assert ratio.min() >= 0.75 - 1e-5
    assert ratio.max() <= 4 / 3 + 1e-5
    free = np.log(ratio[area < 0.75])  # below 3/4 every aspect fits
    np.testing.assert_allclose(np.quantile(free, [0.25, 0.75]), np.log([3 / 4, 4 / 3]) / 2, atol=0.01)
    assert abs(drawn["flip"].numpy().mean() - 0.5) < 0.015


def test_right_angles_are_exact():
    images = pictures().astype(np.float32) / 255
    quarters = np.array([0, 1, 2, 3, 3, 2, 1, 0])
    views = Rotation().apply(tf.constant(images), {"quarters": tf.constant(quarters, tf.int32)}).numpy()
    for image, view, quarter in zip(images, views, quarters):
        np.testing.assert_array_equal(view, np.rot90(image, quarter))


@pytest.mark.parametrize("quarter", range(4))
def test_a_batch_may_turn_all_the_same_way(quarter):
    images = pictures().astype(np.float32)
    views = Rotation().apply(tf.constant(images), {"quarters": tf.fill([8], quarter)}).numpy()
    np.testing.assert_array_equal(views, np.rot90(images, quarter, axes=(1, 2)))


def test_half_the_images_turn_and_then_each_angle_alike():
    quarters = Rotation().sample(tf.random.stateless_uniform([20000, 2], (0, 1)))["quarters"].numpy()
    np.testing.assert_allclose(np.bincount(quarters) / 20000, [1 / 2, 1 / 6, 1 / 6, 1 / 6], atol=0.012)


def test_free_rotation_of_a_right_angle_is_the_right_angle():
    images = pictures().astype(np.float32) / 255
    views = FreeRotation().apply(tf.constant(images), {"radians": tf.fill([8], np.float32(np.pi / 2))}).numpy()
    np.testing.assert_allclose(views, np.rot90(images, 1, axes=(1, 2)), atol=1e-4)


def test_free_rotation_stays_within_its_limit():
    radians = FreeRotation(angle=30, probability=0.6).sample(tf.random.stateless_uniform([20000, 2], (0, 1)))["radians"]
    degrees = np.degrees(radians.numpy())
    assert abs((degrees != 0).mean() - 0.6) < 0.015
    assert 29.9 < np.abs(degrees).max() <= 30.0001


@pytest.mark.parametrize("size", [1.5, True, 0, 5000, "8"])
def test_a_view_has_a_whole_number_of_pixels(size):
    with pytest.raises(UserError, match=r"crop\.size must be a whole number from 1 to 4096\. Received"):
        Crop(size=size)


def test_of_two_crops_the_one_that_is_wrong_is_named():
    with pytest.raises(UserError, match=r"views\.chain\.local: crop\.area must be two numbers"):
        build_chain({"crop": {}, "local": {"kind": "crop", "area": 3}}, size=16)
