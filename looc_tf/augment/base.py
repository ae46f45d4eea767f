"""The base of every augmentation: all randomness comes in as numbers, so that two views can share a draw.

This module is the library's one dependency on keras-cv's layer classes. keras-cv separates drawing from applying
(`get_random_transformation_batch`, `augment_images`); here the two have plain names and the first one is pure.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import tensorflow as tf

import looc_tf.keras2  # noqa: F401 - which keras-cv must not find to be Keras 3
from looc_tf.errors import UserError, shown


class _WithoutBackend(io.TextIOBase):
    """A stream, but for the line in which keras-core announces its backend: other threads may write meanwhile."""

    def __init__(self, stream: TextIO | None):
        self.stream = stream

    def write(self, text: str) -> int:
        if self.stream and not text.startswith("Using TensorFlow backend"):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        if self.stream:
            self.stream.flush()


with contextlib.redirect_stdout(_WithoutBackend(sys.stdout)):
    from keras_cv.layers import VectorizedBaseImageAugmentationLayer

Parameters = dict[str, tf.Tensor]


class Augmentation(VectorizedBaseImageAugmentationLayer):
    """One atomic random operator on a batch of images, split into `sample` (draw) and `apply` (no randomness).

    Subclasses set `numbers`, the count of uniform numbers that one draw takes, and `settings`, the names of their
    constructor arguments (each kept as an attribute of the same name, for `get_config`); and `companion`, where `apply`
    takes a copy of the picture that the data carry, behind its channels: the name of that field.

    Called as a layer, `layer(images)` draws from its own generator and applies; unlike keras-cv's layers, `seed=0`
    seeds it. `value_range` concerns that call alone: `apply` always works in [0, 1].

    Args:
        value_range: lowest and highest pixel value of the images given to `layer(images)`.
        seed: of the layer's own generator; None draws from TensorFlow's global one.

    Example:
        >>> class Fade(Augmentation):
        ...     numbers = 1
        ...     def sample(self, u):
        ...         return {"factor": u[:, 0]}
        ...     def apply(self, images, parameters):
        ...         return images * parameters["factor"][:, None, None, None]
        >>> fade = Fade()
        >>> drawn = fade.sample(tf.constant([[0.25]]))
        >>> float(tf.reduce_max(fade.apply(tf.ones([1, 8, 8, 3]), drawn)))
        0.25
    """

    numbers: int = 0
    settings: tuple[str, ...] = ()
    companion: str | None = None
    only: tuple[str, ...] = ()  # the kinds of views that use it; none named: all
    resample_collisions: bool = False  # whether a draw that does what the query's does by chance is drawn again

    def __init__(self, *, value_range: tuple[float, float] = (0.0, 1.0), seed: int | None = None, **kwargs: Any):
        kwargs.setdefault("dtype", "float32")  # pixels stay float32 under a mixed-precision policy
        # Not keras-cv's own constructor: it makes a generator, TensorFlow's first operation, after which threads and
        # devices can no longer be chosen; and a config is checked before they are.
        super(VectorizedBaseImageAugmentationLayer, self).__init__(**kwargs)
        self._convert_input_args, self._allow_non_tensor_positional_args = False, True
        self.value_range = tuple(float(bound) for bound in value_range)
        self.seed = seed
        self._own_generator: tf.random.Generator | None = None

    @property
    def _random_generator(self) -> tf.random.Generator:
        """What `layer(images)` draws from, made when it first does."""
        if self._own_generator is None:
            with tf.init_scope():
                self._own_generator = (
                    tf.random.get_global_generator() if self.seed is None else tf.random.Generator.from_seed(self.seed)
                )
        return self._own_generator

    def sample(self, u: tf.Tensor) -> Parameters:
        """Parameters of one draw per image, a pure function of `u`, [B, numbers] uniform in [0, 1). First axis B."""
        raise NotImplementedError

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        """Applies the parameters to float32 images [B, H, W, 3] in [0, 1]; gives the same range. No randomness."""
        raise NotImplementedError

    def same(self, one: Parameters, other: Parameters) -> tf.Tensor:
        """Which of two draws do the same to their picture, bool [B]: equal ones, and two that are not `on`."""
        equal = [tf.reduce_all(tf.reshape(one[name] == other[name], [tf.shape(one[name])[0], -1]), 1) for name in one]
        every = tf.reduce_all(tf.stack(equal), axis=0)
        return every | ~(one["on"] | other["on"]) if "on" in one else every

    def side(self, before: int) -> int:
        """Pixels of the side of what `apply` makes of pictures whose side has `before`: `size`, where there is one."""
        return getattr(self, "size", before)

    def vector(self, parameters: Parameters) -> tf.Tensor:
        """What was drawn as numbers in [0, 1], [B, n], for a network to predict how two draws differ.

        Raises:
            NotImplementedError: this augmentation has no such numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} does not put its parameters into numbers.")

    def describe(self, parameters: Mapping[str, Any]) -> str:
        """The parameters of one image in a few characters, for people; nothing by default."""
        return ""

    def get_random_transformation_batch(self, batch_size: tf.Tensor, **_: Any) -> Parameters:
        return self.sample(self._random_generator.uniform([batch_size, self.numbers]))

    def augment_images(self, images: tf.Tensor, transformations: Parameters, **_: Any) -> tf.Tensor:
        low, high = self.value_range
        return self.apply((images - low) / (high - low), transformations) * (high - low) + low

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in (*self.settings, "value_range", "seed")}
        return {**super().get_config(), **own}


def between(u: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Maps uniform numbers in [0, 1) to [low, high)."""
    return low + (high - low) * u


def number(setting: str, value: Any, low: float = 0.0, high: float = 1.0) -> float:
    """`value` as a float from low to high; by default a probability or another fraction."""
    try:
        if low <= float(value) <= high:
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise UserError(f"{setting} must be a number from {low:g} to {high:g}. Received {shown(value)}.")


def whole(setting: str, value: Any, low: int, high: int) -> int:
    """`value` as a whole number from low to high."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UserError(f"{setting} must be a whole number from {low} to {high}. Received {shown(value)}.")
    return value


def interval(setting: str, value: Any, low: float = 0.0, high: float = 1.0) -> tuple[float, float]:
    """`value` as two floats in order, both from low to high."""
    try:
        first, last = (float(bound) for bound in value)
        if low <= first <= last <= high:
            return first, last
    except (TypeError, ValueError, OverflowError):
        pass
    raise UserError(f"{setting} must be two numbers in order, from {low:g} to {high:g}. Received {shown(value)}.")


def unit_range(images: tf.Tensor) -> tf.Tensor:
    """Bytes as float32 in [0, 1]; floats as they are."""
    return tf.cast(images, tf.float32) / 255.0 if images.dtype == tf.uint8 else images
