"""A training that takes seconds: 48 little pictures in three classes, a network of six layers.

As a program it trains in a process of its own:

    python tests/helpers/tiny.py PICTURES OUT [--resume] [--devices=N] [FIELD=VALUE ...]
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import yaml
from PIL import Image

from looc_tf import experiments
from looc_tf.distribute import configure_devices, configure_threads
from looc_tf.training import train

EXPERIMENT = {
    "name": "tiny",
    "data": {"name": "pictures", "size": 16},
    "views": {"size": 16, "chain": {"crop": {"area": [0.3, 1.0]}, "rotation": {}}},
    "model": {"backbone": "plain6", "width": 4, "hidden": 8, "dimension": 8},
    "method": {
        "momentum": 0.9,
        "key_groups": 2,
        "spaces": [{"name": "all", "queue": 20}, {"name": "rotation", "shares": ["rotation"], "queue": 20}],
    },
    "optimizer": {"learning_rate": 0.05, "schedule": "cosine"},
    "training": {"batch": 8, "steps": 6, "log_every": 2, "checkpoint_every": 3, "monitor_every": 3},
}


def experiment(pictures, *overrides):
    """The experiment on a folder of pictures, with texts `dotted.field=value` laid over it."""
    return experiments.with_data(experiments.from_text(yaml.safe_dump(EXPERIMENT), overrides), str(pictures))


def draw(folder, classes=("disc", "bar", "noise"), each=16, size=16):
    """PNG files of three kinds that a nearest neighbor can tell apart."""
    random = np.random.default_rng(0)
    x, y = np.meshgrid(*[np.linspace(-1, 1, size)] * 2)
    shapes = {"disc": x**2 + y**2 < 0.4, "bar": abs(x) < 0.3, "noise": random.random((size, size)) < 0.5}
    for name in classes:
        place = Path(folder, name)
        place.mkdir(parents=True)
        for number in range(each):
            pixels = random.integers(0, 120, (size, size, 3)) + 130 * shapes[name][..., None]
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number:02}.png")
    return Path(folder)


if __name__ == "__main__":
    pictures, out, *rest = sys.argv[1:]
    configure_threads(1)
    configure_devices(next((int(word.removeprefix("--devices=")) for word in rest if word.startswith("--dev")), None))
    train(experiment(pictures, *[w for w in rest if "=" in w and w[0] != "-"]), out, resume="--resume" in rest)
