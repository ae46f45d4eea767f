"""Weights that are the same for a seed, drawn without touching the caller's random numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from looc_tf.keras2 import backend


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside of the block Python, NumPy and the initializers of Keras draw from `seed`; afterwards as before it.

    TensorFlow's global seed, which nobody can read and so nobody can put back, is left alone: no initializer of Keras
    depends on it.
    """
    holder = backend._SEED_GENERATOR
    before = random.getstate(), np.random.get_state(), getattr(holder, "generator", None)  # noqa: NPY002 - libraries read it
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    holder.generator = random.Random(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        holder.generator = before[2]
