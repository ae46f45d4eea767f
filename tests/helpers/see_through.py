"""An encoder that gives back the pictures it is given, so that what reaches a network can be compared bit for bit."""

import numpy as np
import tensorflow as tf


class SeeThrough(tf.keras.Model):
    """[B, S, S, C] in [0, 1] -> {"trunk": [B, S * S * C]}: the numbers themselves."""

    def __init__(self, size, channels):
        super().__init__()
        self.length = size * size * channels

    def call(self, images, training=False):
        return {"trunk": tf.reshape(images, [-1, self.length])}


def seen(rows, size, channels):
    """uint8 [B, S, S, C] of the rows that a `SeeThrough` gave; they must be whole 255ths."""
    values = np.asarray(rows, np.float64) * 255
    whole = np.rint(values)
    np.testing.assert_allclose(values, whole, rtol=0, atol=1e-4)
    return whole.astype(np.uint8).reshape(-1, size, size, channels)
