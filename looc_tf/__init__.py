"""Leave-one-out contrastive learning (LooC) in TensorFlow.

Everything public is a name of this package; importing it is cheap, since a name brings TensorFlow only when it is used.

>>> import looc_tf
>>> experiment = looc_tf.load_config("factors/looc", ["training.steps=100"])
>>> [space.name for space in experiment.method.spaces]
['all', 'color', 'rotation']
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import sys
from typing import Any

__version__ = "0.1.0"


def _ask_for_keras_2() -> None:
    """From TensorFlow 2.16 on `tf.keras` is Keras 3, unless tf-keras is asked for before it is used: see keras2.py."""
    found = importlib.util.find_spec("tf_keras")
    if not found or not found.origin or "TF_USE_LEGACY_KERAS" in os.environ:
        return
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    if "tensorflow" in sys.modules:  # where `import tensorflow.keras` has to look it had decided at its own import
        sys.modules["tensorflow"].__path__.insert(0, os.path.join(os.path.dirname(found.origin), "api", "_v2"))


def _ask_for_one_dnn() -> None:
    """TensorFlow has oneDNN's convolutions in use by itself only on processors with instructions for 8 and 16 bits
    (AVX-512 VNNI and later); on others with AVX2 they are two to seven times as fast as its own as well."""
    if platform.machine() in ("x86_64", "AMD64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


_ask_for_keras_2()
_ask_for_one_dnn()

# public name -> (module, name there)
_PUBLIC = {
    "UserError": ("errors", "UserError"),
    "Experiment": ("config", "Experiment"),
    "load_config": ("experiments", "load"),
    "load_dataset": ("data", "load"),
    "open_source": ("data", "open_source"),
    "source_of": ("data", "source_of"),
    "parts_of": ("data", "parts_of"),
    "Augmentation": ("augment", "Augmentation"),
    "Space": ("views", "Space"),
    "View": ("views", "View"),
    "ViewPlan": ("views", "ViewPlan"),
    "leave_one_out": ("views", "leave_one_out"),
    "multicrop": ("views", "multicrop"),
    "training_batches": ("views", "training_batches"),
    "Encoder": ("models", "Encoder"),
    "info_nce": ("losses", "info_nce"),
    "EmbeddingSpace": ("memory", "EmbeddingSpace"),
    "Method": ("methods", "Method"),
    "LooC": ("methods", "LooC"),
    "SimCLR": ("methods", "SimCLR"),
    "BYOL": ("methods", "BYOL"),
    "SimSiam": ("methods", "SimSiam"),
    "SwAV": ("methods", "SwAV"),
    "DINO": ("methods", "DINO"),
    "Joint": ("methods", "Joint"),
    "AugSelf": ("methods", "AugSelf"),
    "ESSL": ("methods", "ESSL"),
    "InstDisc": ("methods", "InstDisc"),
    "PIRL": ("methods", "PIRL"),
    "CMC": ("methods", "CMC"),
    "CPC": ("methods", "CPC"),
    "DIM": ("methods", "DIM"),
    "AMDIM": ("methods", "AMDIM"),
    "RotNet": ("methods", "RotNet"),
    "Jigsaw": ("methods", "Jigsaw"),
    "RelativePatch": ("methods", "RelativePatch"),
    "Colorize": ("methods", "Colorize"),
    "Supervised": ("methods", "Supervised"),
    "FineTune": ("methods", "FineTune"),
    "build_method": ("methods", "build"),
    "build_optimizer": ("optim", "build"),
    "Embedder": ("export", "Embedder"),
    "build_plan": ("methods", "build_plan"),
    "Facts": ("methods", "Facts"),
    "load_run": ("run", "load_run"),
    "train": ("training", "train"),
    "finetune": ("training", "finetune"),
}
# The rooms, for what is used less: `looc_tf.augment.build`, `looc_tf.evaluate.evaluate`.
_ROOMS = ["augment", "config", "data", "evaluate", "experiments", "export", "losses", "memory", "methods", "models"]
_ROOMS += ["optim", "report", "results", "run", "training", "views"]

# What had another name in version 0.1.0 -> its name now.
_RENAMED = {"load": "load_dataset", "batches": "training_batches", "spaces": "EmbeddingSpace"}

__all__ = ["__version__", *_PUBLIC, *_ROOMS]


def __getattr__(name: str) -> Any:
    """Imports a public name at its first use (PEP 562)."""
    if name in _ROOMS:
        return importlib.import_module(f"looc_tf.{name}")
    if name not in _PUBLIC:
        hint = f"; it is called {_RENAMED[name]!r} now" if name in _RENAMED else ""
        raise AttributeError(f"module 'looc_tf' has no attribute {name!r}{hint}")
    module, attribute = _PUBLIC[name]
    value = getattr(importlib.import_module(f"looc_tf.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
