"""Loops over pixels that XLA compiles, without the lines that it writes the first time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import tensorflow as tf

from looc_tf.progress import without_lines

Function = Callable[..., tf.Tensor]
XLA = (  # of what it says once in a process
    b"absl::InitializeLog()",
    b"Compiled cluster using XLA!",
    b"SetPriority unimplemented",
    b"XLA service 0x",
    b"StreamExecutor device (",
)


def compiled(**options: Any) -> Callable[[Function], Function]:
    """A decorator, `tf.function(jit_compile=True)`, under which XLA writes nothing to the screen.

    Args:
        options: of `tf.function`.

    >>> float(compiled()(lambda x: x + 1)(tf.constant(1.0)))
    2.0
    """

    def decorate(function: Function) -> Function:
        fast = tf.function(function, jit_compile=True, **options)

        @wraps(function)
        def call(*arguments: Any, **named: Any) -> tf.Tensor:
            _first_compilation()
            return fast(*arguments, **named)

        return call

    return decorate


@cache
def _first_compilation() -> None:
    """The first one of a process writes lines that no log level hides; here it is one of nothing, and they are dropped.

    Not at import: TensorFlow's threads and devices can be chosen only before its first operation.
    """
    with without_lines(XLA), tf.init_scope(), tf.device("CPU:0"):  # also while a dataset is traced
        tf.function(lambda: tf.constant(0.0), jit_compile=True, autograph=False)()
