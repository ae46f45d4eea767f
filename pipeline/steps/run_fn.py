"""`run_fn`, which TFX's Trainer calls: trains with `looc_tf.train` and exports, going on where a killed one stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio
from tfx.utils import io_utils

from looc_tf import distribute
from looc_tf.config import Experiment
from looc_tf.report import export_run
from looc_tf.training import train
from pipeline import experiments
from pipeline.artifacts import RUN_FOLDER
from pipeline.storage import examples_glob, local, publish, work_base

log = logging.getLogger(__name__)


def run_fn(fn_args: FnArgs) -> None:
    """Trains, exports the encoder to `serving_model_dir` and puts the run folder into `model_run_dir`.

    Args:
        fn_args: `custom_config` holds `config` (see `experiments.read`), `steps` (-1: the config's own) and
            `fingerprint`. `base_model` is the model whose run this one begins with, if any, and not with
            `model.weights`.
    """
    settings: dict[str, Any] = fn_args.custom_config
    uri = os.path.dirname(os.path.dirname(fn_args.train_files[0]))
    experiment = experiments.with_data(experiments.read(settings["config"]), examples_glob(uri), settings["steps"])
    warm = _base_run(fn_args.base_model)
    experiment = _beginning(experiment, warm)
    work = work_base(os.path.dirname(fn_args.serving_model_dir)) / "pretrain" / _key(settings, uri, warm)
    out = work / RUN_FOLDER
    with distribute.strategy().scope():
        chief = distribute.is_chief()
        begun = distribute.gather_from_workers(_begun(out, chief))[0]  # what the chief has found, before anyone writes
        train(experiment, out, resume=bool(begun), warm=warm)
    if chief:
        exported = export_run(out, work / "export")
        publish(exported, fn_args.serving_model_dir)
        io_utils.copy_dir(str(out), os.path.join(fn_args.model_run_dir, RUN_FOLDER))
        shutil.rmtree(work, ignore_errors=True)


def _beginning(experiment: Experiment, warm: Path | None) -> Experiment:
    """With one thing to begin with: the blessed model was made from the weights of the config, and knows more."""
    if not warm or experiment.model.weights is None:
        return experiment
    log.info("Starting warm from %s: model.weights=%s is not read", warm, experiment.model.weights)
    return dataclasses.replace(experiment, model=dataclasses.replace(experiment.model, weights=None))


def _key(settings: dict[str, Any], uri: str, warm: Path | None) -> str:
    """A run goes on only from its own remains: same config, same pictures, same code."""
    text = json.dumps([settings, uri, str(warm)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _begun(out: Path, chief: bool) -> bool:
    """Whether there is a run to go on with; what died before it became one is removed."""
    if (out / "config.yaml").is_file():
        return True
    if chief:
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
    return False


def _base_run(base_model: str | None) -> Path | None:
    """The run folder beside the serving model of an evaluation model."""
    if not base_model:
        return None
    uri = os.path.dirname(base_model)
    return local(uri) / RUN_FOLDER if fileio.exists(os.path.join(uri, RUN_FOLDER)) else None
