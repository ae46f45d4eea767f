"""A trial of augmentations that somebody brought: what is wrong with one is said before the first step."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from looc_tf.augment.base import Augmentation
from looc_tf.errors import UserError, printable, reason
from looc_tf.views.plan import View, ViewPlan

ROWS = 8
SLACK = 1e-3  # of a range: an interpolation may end a rounding outside


def try_own(plan: ViewPlan, shape: Callable[[], Sequence[int]]) -> None:
    """Draws and applies each augmentation of a plan that is not the library's, once, in its place in a view of noise.

    Args:
        plan: the views; an augmentation that none of them uses is not tried.
        shape: gives [S, S, C] of a reference picture; asked only where there is something to try.

    Raises:
        UserError: one fails, or gives other than float32 [B, H, W, channels] in [0, 1].
    """
    own = {name for name, each in plan.augmentations.items() if not type(each).__module__.startswith("looc_tf.")}
    with tf.init_scope():  # out of the graph of a function, if somebody builds one
        for view in plan.views if tf.executing_eagerly() else ():  # in a plain graph nothing can be looked at
            if own & set(plan.used(view)):
                _try_view(plan, view, own, shape())
                own -= set(plan.used(view))


def _try_view(plan: ViewPlan, view: View, own: set[str], shape: Sequence[int]) -> None:
    """A view of noise, made as `ViewPlan.render` makes one, each own part of it looked at."""
    copies = 2 if any(each.companion for each in plan.augmentations.values()) else 1
    *sides, channels = shape
    images = tf.random.stateless_uniform([ROWS, *sides, copies * channels], seed=(0, 0))
    for name, augmentation in plan.augmentations.items():
        if name not in plan.used(view):
            images = images[..., :channels] if augmentation.companion else images
            continue
        u = tf.random.stateless_uniform([ROWS, augmentation.numbers], seed=(0, 1))
        if name in own:
            images = _try(name, augmentation, images, u, channels)
        else:
            images = augmentation.apply(images, augmentation.sample(u))


def _try(name: str, augmentation: Augmentation, images: tf.Tensor, u: tf.Tensor, channels: int) -> tf.Tensor:
    """What one part makes of pictures, in a graph as in a training; `UserError` for what no training could use."""
    kind = f"Augmentation {name!r}: {type(augmentation).__name__}"
    try:
        drawn = tf.function(augmentation.sample)(u)
    except Exception as error:  # whatever the user's code ends in
        hint = f" `numbers` of the class, {u.shape[1]} here, says how many uniform numbers a draw takes."
        said = hint if "slice index" in str(error) or isinstance(error, IndexError) else ""
        raise UserError(f"{kind}.sample fails on u of [B, {u.shape[1]}] ({_reason(error)}).{said}") from error
    for parameter, value in dict(drawn).items():
        if not tf.is_tensor(value) or not value.shape.rank or value.shape[0] != ROWS:
            raise UserError(f"{kind}.sample should give tensors of a row for each picture. {parameter!r} is none.")
    try:
        changed = tf.function(augmentation.apply)(images, drawn)
    except Exception as error:
        raise UserError(f"{kind}.apply fails on pictures of {list(images.shape)} ({_reason(error)}).") from error
    _check(f"{kind}.apply should give float32 [{ROWS}, H, W, {channels}] in [0, 1]", changed, channels)
    return changed


def _check(expected: str, changed: Any, channels: int) -> None:
    shape = changed.shape if tf.is_tensor(changed) else tf.TensorShape(None)
    if shape.rank != 4 or changed.dtype != tf.float32 or (shape[0], shape[-1]) != (ROWS, channels):
        got = f"{changed.dtype.name} {list(shape)}" if tf.is_tensor(changed) else f"a {type(changed).__name__}"
        raise UserError(f"{expected}. Received {got}.")
    low, high = np.min(changed), np.max(changed)
    if not (low >= -SLACK and high <= 1 + SLACK):  # nor NaN
        raise UserError(
            f"{expected}. Received {low:.3g} to {high:.3g}: pictures come in [0, 1], tf.clip_by_value keeps them there."
        )


def _reason(error: Exception) -> str:
    """What went wrong: AutoGraph says before it where it met the error, and behind it what else there is."""
    found = re.search(r"^\s*(\w+(?:Error|Exception): .*)$", str(error), re.MULTILINE)
    return printable(found[1], 160) if found else f"{type(error).__name__}: {reason(error)}"
