"""Keras 2, whichever package brings it: `keras` up to TensorFlow 2.15, `tf-keras` after it.

From TensorFlow 2.16 on `tf.keras` is Keras 3, unless TF_USE_LEGACY_KERAS is set before it is used for the first time.
`import looc_tf` sets it where tf-keras is installed; this module, through which all others have Keras, looks whether
that was in time.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from tensorflow import keras

from looc_tf.errors import UserError

__all__ = ["backend", "keras"]


def _checked() -> str:
    """The package that TensorFlow takes Keras from.

    Raises:
        UserError: it is Keras 3.
    """
    package = str(keras.layers.Layer.__module__.partition(".")[0])
    version = str(importlib.import_module(package).__version__)
    if version.startswith("2."):
        return package
    remedy = "pip install tf-keras"
    if importlib.util.find_spec("tf_keras"):
        remedy = "Import looc_tf before tf.keras is used for the first time, or set TF_USE_LEGACY_KERAS=1"
    raise UserError(f"Expected Keras 2 as tf.keras. Received Keras {version}. {remedy}.")


# It has no other name for the generator that initializers draw their seeds from.
backend: Any = importlib.import_module(f"{_checked()}.src.backend")
