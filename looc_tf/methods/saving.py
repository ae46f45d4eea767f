"""What of a method Keras can save: its weights, under any name; and what it is told before it trains in vain."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from looc_tf.errors import UserError
from looc_tf.files import scratch
from looc_tf.keras2 import keras

HOW_TO_SAVE = (
    "A method is no network that a file could describe. Save method.encoder, e.g. "
    "method.encoder.save('encoder.keras'), or the weights with queues and all, "
    "method.save_weights('method.weights.h5') and ModelCheckpoint(path, save_weights_only=True); "
    "train(experiment, RUN) keeps everything, to be resumed."
)
_ENDING = ".weights.h5"  # by which Keras knows the format that names weights by their place in the model


def check_callbacks(callbacks: Any) -> None:
    """Raises a `UserError` for a callback that would want to save a whole method at the end of the first epoch."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    given: Iterable[Any] = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    for callback in given:
        if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_weights_only:
            raise UserError(f"ModelCheckpoint({callback.filepath!r}) saves whole models. {HOW_TO_SAVE}")


def is_plain_h5(path: Any, save_format: str | None = None) -> bool:
    """Whether Keras would take its old format, in which two weights of one name, as any two heads have, collide."""
    old = str(path).endswith((".h5", ".hdf5")) and not str(path).endswith(_ENDING)
    return old or (save_format in ("h5", "hdf5", "keras") and not str(path).endswith(_ENDING))


def save_plain(path: Any, overwrite: bool, save: Callable[[str], None]) -> None:
    """Writes the newer format under a name of the old one, whole or not at all.

    Args:
        path: the file.
        overwrite: whether one that is there may go.
        save: writes the newer format to a name that ends as it should.
    """
    if os.path.exists(path) and not overwrite:
        raise UserError(f"{path} exists. Choose another name, or overwrite=True.")
    target = Path(path)
    with scratch(target) as folder:
        save(str(folder / f"method{_ENDING}"))
        os.replace(folder / f"method{_ENDING}", target)


def load_plain(path: Any, load: Callable[[str], Any]) -> Any:
    """The inverse of `save_plain`."""
    if not os.path.isfile(path):
        raise UserError(f"Expected a file of weights, as method.save_weights writes it. {path} does not exist.")
    with tempfile.TemporaryDirectory() as folder:
        return load(shutil.copy(path, os.path.join(folder, f"method{_ENDING}")))
