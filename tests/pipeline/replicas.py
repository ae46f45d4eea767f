"""The trainer's run function under some strategy, in a process of its own: `python replicas.py EXAMPLES OUT [devices]`.

With `devices` the one CPU is two logical devices under MirroredStrategy; else TF_CONFIG decides, as on a cluster.
"""

import contextlib
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import tensorflow as tf
from helpers import tiny
from tfx.components.trainer.fn_args_utils import FnArgs

from looc_tf.config import to_yaml
from pipeline.steps.run_fn import run_fn

# Statistics over the global batch: then two replicas compute what one does.
ALIKE = ("model.batch_norm=sync", "method.key_batch_norm=sync", "training.steps=6", "training.monitor_every=0")


def main(examples, out, *mode):
    """Trains and exports into OUT/model and OUT/run."""
    scope = contextlib.nullcontext()
    if mode:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        scope = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()
    settings = {"config": to_yaml(tiny.experiment("pictures", *ALIKE)), "steps": -1, "fingerprint": ""}
    arguments = FnArgs(
        train_files=[f"{examples}/Split-train/*"],
        serving_model_dir=f"{out}/root/Pretrain/model/1/Format-Serving",
        model_run_dir=f"{out}/root/Pretrain/model_run/1",
        custom_config=settings,
    )
    with scope:
        run_fn(arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
