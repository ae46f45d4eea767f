"""Bringing TensorFlow in, for the commands that compute."""

from __future__ import annotations

import os
import warnings


def start_tensorflow(threads: int | None = None, *, devices: int | None = None, renders: bool = False) -> None:
    """Imports TensorFlow, which takes seconds, under a line that says so.

    Its C++ log is off unless asked for: on a machine without a GPU it complains at level 2 about CUDA factories, and
    what goes wrong in an operation arrives as an exception anyway.
    """
    from rich.console import Console

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google.api_core")  # about Python's own age
    with Console(stderr=True).status("starting TensorFlow"):
        from looc_tf.distribute import configure_devices, configure_threads

    configure_threads(threads)
    configure_devices(devices)
    if renders:
        _say_nothing_of_xla()


def _say_nothing_of_xla() -> None:
    """The first compilation of a process writes a line that no log level hides; here it is one of nothing, unheard."""
    import tensorflow as tf

    heard, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        tf.function(lambda: tf.constant(0.0), jit_compile=True)()
    finally:
        os.dup2(heard, 2)
        os.close(heard)
        os.close(nowhere)
