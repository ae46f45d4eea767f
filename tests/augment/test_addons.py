"""Rotation by any angle without tensorflow-addons is rotation with it."""

import numpy as np
import pytest
import tensorflow as tf

from looc_tf.augment import addons

IMAGES = np.random.default_rng(0).random((64, 33, 48, 3), np.float32)
ANGLES = np.random.default_rng(1).uniform(-7, 7, 64).astype(np.float32)


@pytest.mark.parametrize("shape", [(33, 48), (32, 32), (1, 1), (2, 7)])
def test_it_is_the_rotation_of_tensorflow_addons(shape):
    pytest.importorskip("tensorflow_addons.image", exc_type=ImportError)
    images = IMAGES[:, : shape[0], : shape[1]]
    np.testing.assert_array_equal(addons.rotate_about_the_centre(images, ANGLES), addons.rotate(images, ANGLES))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_right_angles_are_numpys(quarters):
    images, radians = IMAGES[:, :33, :33], np.full(64, quarters * np.pi / 2, np.float32)
    turned = addons.rotate_about_the_centre(images, radians)
    np.testing.assert_allclose(turned, np.rot90(images, quarters, axes=(1, 2)), atol=1e-5)


def test_without_tensorflow_addons_the_equal_is_taken(monkeypatch):
    monkeypatch.setattr(addons, "_addons", None)
    images = tf.constant(IMAGES)
    np.testing.assert_array_equal(addons.rotate(images, ANGLES), addons.rotate_about_the_centre(images, ANGLES))
