"""Telling turns: pictures in all four of them, of views that nothing else has turned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import tensorflow as tf

from looc_tf.augment import Augmentation, FreeRotation, Rotation
from looc_tf.views import View

TURNS = 4
TURNING = (Rotation, FreeRotation)


def upright(view: View, chain: Mapping[str, Augmentation]) -> View:
    """The view without the augmentations that turn a picture."""
    turning = [isinstance(each, TURNING) for each in chain.values()]
    return replace(view, draws=tuple(None if turns else draw for turns, draw in zip(turning, view.draws)))


def in_all_turns(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Square pictures `[B, S, S, C]` -> `[4 B, S, S, C]`, first all as they are, then all turned once, and so on;
    how often each was turned, `[4 B]`, int32.

    >>> in_all_turns(tf.zeros([2, 8, 8, 3]))[1].numpy()
    array([0, 0, 1, 1, 2, 2, 3, 3], dtype=int32)
    """
    turned = tf.concat([tf.image.rot90(images, turn) for turn in range(TURNS)], axis=0)
    return turned, tf.repeat(tf.range(TURNS), tf.shape(images)[0])
