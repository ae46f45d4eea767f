"""A trial of augmentations that somebody brought: what is wrong with one is said before the first step."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from looc_tf.augment.base import Augmentation
from looc_tf.errors import UserError, reason
from looc_tf.views.plan import ViewPlan

ROWS = 8
SLACK = 1e-3  # of a range: an interpolation may end a rounding outside


def try_own(plan: ViewPlan, size: int, channels: int) -> None:
    """Draws and applies each augmentation of a plan that is not the library's, once, on pictures of noise.

    Args:
        plan: the views.
        size: pixels of the side of a reference picture.
        channels: of it.

    Raises:
        UserError: one fails, or gives other than float32 [B, H, W, channels] in [0, 1].
    """
    for name, augmentation in plan.augmentations.items():
        if not type(augmentation).__module__.startswith("looc_tf."):
            _try(name, augmentation, [ROWS, size, size, channels])


def _try(name: str, augmentation: Augmentation, shape: list[int]) -> None:
    kind, numbers = type(augmentation).__name__, augmentation.numbers
    u = tf.random.stateless_uniform([ROWS, numbers], seed=(0, 0))
    try:
        drawn = augmentation.sample(u)
    except (ValueError, IndexError, tf.errors.InvalidArgumentError) as error:
        raise UserError(
            f"Augmentation {name!r}: {kind}.sample fails on its u, [B, {numbers}] ({reason(error)}). `numbers` of the "
            "class says how many uniform numbers a draw takes."
        ) from error
    images = tf.random.stateless_uniform(shape, seed=(0, 1))
    try:
        changed = augmentation.apply(images, drawn)
    except (ValueError, TypeError, IndexError, tf.errors.InvalidArgumentError) as error:
        raise UserError(f"Augmentation {name!r}: {kind}.apply fails on {shape} ({reason(error)}).") from error
    expected = f"float32 [{ROWS}, H, W, {shape[-1]}] in [0, 1]"
    if (
        not tf.is_tensor(changed)
        or changed.dtype != tf.float32
        or len(changed.shape) != 4
        or changed.shape[-1] != shape[-1]
    ):
        got = f"{changed.dtype.name} {list(changed.shape)}" if tf.is_tensor(changed) else f"a {type(changed).__name__}"
        raise UserError(f"Augmentation {name!r}: {kind}.apply should give {expected}. Received {got}.")
    low, high = np.min(changed), np.max(changed)
    if not (low >= -SLACK and high <= 1 + SLACK):  # nor NaN
        raise UserError(
            f"Augmentation {name!r}: {kind}.apply should give {expected}. Received {low:.3g} to {high:.3g}: pictures "
            "come in [0, 1], tf.clip_by_value keeps them there."
        )
