"""Loops over pixels that XLA compiles, without its first word."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import tensorflow as tf

Function = Callable[..., tf.Tensor]


def compiled(**options: Any) -> Callable[[Function], Function]:
    """A decorator, `tf.function(jit_compile=True)`, under which nothing is written to the screen.

    Args:
        options: of `tf.function`.

    >>> compiled()(lambda x: x + 1)(tf.constant(1.0)).numpy()
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
    """The first one of a process writes a line that no log level hides; here it is one of nothing, unheard.

    Not at import: TensorFlow's threads and devices can be chosen only before its first operation.
    """
    try:
        heard = os.dup(2)
    except OSError:  # a process without a screen
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with tf.init_scope(), tf.device("CPU:0"):  # also while a dataset is traced
            tf.function(lambda: tf.constant(0.0), jit_compile=True, autograph=False)()
    finally:
        os.dup2(heard, 2)
        os.close(heard)
        os.close(nowhere)
