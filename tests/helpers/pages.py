"""A page in seconds: of pictures in memory and of runs that no training has made."""

from __future__ import annotations

import json
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import tensorflow as tf

from helpers import tiny
from looc_tf.data import Source
from looc_tf.data.table import Table
from looc_tf.run import Run

SIDE = 16
HOSTILE = '</script><script>document.title="broken"</script>'  # a class that somebody may have called so
HUES = ("red", '<img src="http://elsewhere.example/x.png" onerror="throw 1">', "blue & green")


def source(count, classes=("cat", HOSTILE, "{{ dog }}"), seed=0):
    """Pictures of noise with an object and a hue; one in nine has no object."""
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    labels = np.where(np.arange(count) % 9 == 8, -1, np.arange(count) % len(classes))
    table = Table(
        ids=np.array([f"p{number}" for number in range(count)], object),
        splits=np.full(count, "", "<U10"),
        labels={"label": labels, "hue": np.arange(count) % len(HUES)},
        fields={"label": tuple(classes), "hue": HUES},
        picture=lambda row: images[row],
    )
    return Source(table, name="pictures", split="test", size=SIDE)


def run(folder, name, spaces=("all", "rotation"), seed=0):
    """A run whose encoder is drawn: the trunk sees all pixels, each space some of them."""
    folder.mkdir(parents=True)
    about = {"version": "1", "commit": None, "seed": 0, "tensorflow": tf.__version__, "machine": "<b>this</b>"}
    (folder / "run.json").write_text(json.dumps(about))
    (folder / "history.csv").write_text("step,learning_rate,loss\n1,0.1,1.5\n2,0.1,1.25\n")
    draws = np.random.default_rng(seed)
    projections = {each: draws.normal(size=(SIDE * SIDE * 3, 6)).astype(np.float32) for each in ("trunk", *spaces)}

    def images(pictures):
        rows = tf.reshape(tf.cast(pictures, tf.float32) / 255 - 0.5, [len(pictures), -1])
        return {each: rows @ projection for each, projection in projections.items()}

    asked = [f"{{name: {each}, shares: [{each}]}}" if each != "all" else "{name: all}" for each in spaces]
    experiment = tiny.experiment("pictures", f"name=made/{name}", f"method.spaces=[{', '.join(asked)}]")
    embedder = SimpleNamespace(images=images)
    return Mock(spec=Run, path=folder, experiment=experiment, step=2, embedder=embedder)


def record(method, representation, probe, value, **more):
    """As in results.json."""
    known = {"run": method, "method": method, "seed": 0, "chance": 10.0, "pictures_sha256": "0" * 64}
    return {**known, "representation": representation, "probe": probe, "value": value, **more}
