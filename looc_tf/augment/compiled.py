"""Loops over pixels that XLA compiles, without the lines that it writes the first time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from typing import Any

import tensorflow as tf

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
    """The first one of a process writes lines that no log level hides; here it is one of nothing, and they are dropped.

    Not at import: TensorFlow's threads and devices can be chosen only before its first operation.
    """
    with _dropping(XLA), tf.init_scope(), tf.device("CPU:0"):  # also while a dataset is traced
        tf.function(lambda: tf.constant(0.0), jit_compile=True, autograph=False)()


@contextmanager
def _dropping(words: Sequence[bytes]) -> Iterator[None]:
    """Drops the lines with one of these words from what the process writes to standard error inside of the block.

    C++ writes to its file descriptor, which all threads share: their lines are held back until the end, none is lost.
    """
    with ExitStack() as stack:
        try:
            held = stack.enter_context(tempfile.TemporaryFile())
            screen = os.dup(2)
        except OSError:  # no room for a file, or a process without a screen
            yield
            return
        try:
            os.dup2(held.fileno(), 2)
            yield
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            held.seek(0)
            for line in held:
                if not any(word in line for word in words):
                    os.write(2, line)
