"""Copies without a factor: that factor is gone, and nothing else but what must go with it."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter

from looc_tf.evaluate.destroyed import BLUR, WITHOUT


@pytest.fixture(scope="module")
def batch():
    images = np.random.default_rng(0).integers(0, 256, [16, 24, 24, 3], np.uint8)
    return {"image": tf.constant(images), "id": tf.constant([f"p{n}" for n in range(16)])}


def test_color_is_gone_and_brightness_stays(batch):
    found = WITHOUT["color"](batch).numpy()
    assert (found == found[..., :1]).all()
    wanted = batch["image"].numpy() @ np.array([0.2989, 0.587, 0.114])
    assert np.abs(found[..., 0] - wanted).max() <= 1
    bands = {**batch, "image": tf.concat([batch["image"], batch["image"]], axis=-1)}
    assert WITHOUT["color"](bands) is bands["image"]


def test_every_picture_is_in_one_of_its_turns_by_its_name(batch):
    found, images = WITHOUT["orientation"](batch).numpy(), batch["image"].numpy()
    turns = [
        next(turn for turn in range(4) if (np.rot90(image, turn) == shown).all()) for image, shown in zip(images, found)
    ]
    assert len(set(turns)) == 4
    again = WITHOUT["orientation"]({name: rows[::-1] for name, rows in batch.items()}).numpy()
    np.testing.assert_array_equal(again[::-1], found)


def test_the_blur_is_gaussian(batch):
    found, image = WITHOUT["texture"](batch).numpy()[0], batch["image"].numpy()[0].astype(float)
    wanted = gaussian_filter(image, [BLUR * 24, BLUR * 24, 0], mode="mirror", truncate=3 / (BLUR * 24) * BLUR * 24)
    assert np.abs(found - wanted).max() <= 1.0 and found.std() < 0.5 * image.std()
