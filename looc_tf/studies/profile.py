"""A step of a training, timed on this machine, in a process of its own: the GPU's memory goes back with it.

`python -m looc_tf.studies.profile CONFIG` prints what it measured as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.experiments import load
from looc_tf.studies.runs import cores

LIMIT = 60.0  # seconds for all of it, the building of the network included
LONG_ENOUGH = 3.0  # seconds of steps that are timed, one step at least
SMALL = 8  # pictures of a batch on a CPU, at which the batches of a recipe for GPUs take minutes


@dataclass(frozen=True)
class Profile:
    """What a step took.

    Attributes:
        seconds: for a picture.
        batch: pictures of the step.
        whole: whether it was the training's own batch.
        device: in words.
    """

    seconds: float
    batch: int
    whole: bool
    device: str

    def __str__(self) -> str:
        scaled = "" if self.whole else ", a small batch scaled up"
        return f"{self.batch} pictures in {self.batch * self.seconds:.3g} s on {self.device}{scaled}"


def profiled(experiment: Experiment, limit: float = LIMIT) -> Optional[Profile]:
    """Times a step of a training, as far as that is done within `limit` seconds; None where it is not."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "config.yaml")
        file.write_text(config.to_yaml(experiment), encoding="utf-8")
        command = [sys.executable, "-m", "looc_tf.studies.profile", str(file)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
            return Profile(**json.loads(done.stdout.splitlines()[-1]))
        except (subprocess.SubprocessError, OSError, ValueError, IndexError, TypeError):
            return None


def measured(experiment: Experiment) -> Profile:
    """Times steps here, on pictures of noise: their views are drawn and encoded, and the weights change."""
    import numpy as np
    import tensorflow as tf

    from looc_tf.data import source_of
    from looc_tf.methods import Facts, build_plan
    from looc_tf.run import compiled
    from looc_tf.views import training_batches

    gpus, data = tf.config.list_physical_devices("GPU"), experiment.data
    batch = experiment.training.batch if gpus else min(SMALL, experiment.training.batch)
    training = dataclasses.replace(experiment.training, batch=batch, accumulate=1, steps=1000, epochs=None)
    experiment = dataclasses.replace(experiment, training=training)
    noise = np.random.default_rng(0).integers(0, 256, (batch, data.size, data.size, data.channels), np.uint8)
    source = source_of(noise, bands=range(data.channels) if data.channels != 3 else None)
    batches = iter(training_batches(source, build_plan(experiment), batch=batch, steps=1000))
    method = compiled(experiment, Facts(pictures=batch, steps=1000, epoch=1))
    step = method.make_train_function()
    step(batches)  # traces it
    began, count = time.perf_counter(), 0
    while not count or time.perf_counter() - began < LONG_ENOUGH:
        float(next(iter(step(batches).values())))
        count += 1
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "a GPU") for gpu in gpus[:1]]
    seconds = (time.perf_counter() - began) / count / batch
    return Profile(seconds, batch, bool(gpus), names[0] if names else f"{cores()} cores")


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(measured(load(sys.argv[1])))))
