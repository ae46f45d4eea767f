"""The precision of layers that are being built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from looc_tf.keras2 import keras


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Inside of the block layers are built in this policy of Keras; afterwards the caller's own is back."""
    previous = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(previous)
