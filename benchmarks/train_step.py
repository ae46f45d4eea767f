"""Time one method's training step on fixed random views and print images per second and peak memory as JSON.

A process of its own for each method, so that the peak is this method's; the same figures, in the same way, as the
programs of the libraries that it is compared with: three steps to warm up, then the mean of so many. With TF_CONFIG it
is one worker of several, and `--batch` is the batch of all. With `--config` it is the method of a config, on one batch
of views as they are rendered of random pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from looc_tf import config, distribute, experiments, methods, optim
from looc_tf.data import source_of
from looc_tf.methods import Facts
from looc_tf.methods.looc import Settings, Space
from looc_tf.run import compiled
from looc_tf.training.fit import batches_of

SHARED = ("color", "rotation", "blur")  # what space 1, 2 and 3 share with the query


def options() -> argparse.Namespace:
    """The command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument(
        "--spaces", type=int, default=0, choices=range(4), help="LooC with n spaces beside `all`; 0 is MoCo"
    )
    arguments.add_argument("--config", help="a config, whose method, network, optimizer and size of views are taken")
    arguments.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of it")
    arguments.add_argument("--batch", type=int, default=128)
    arguments.add_argument("--size", type=int, default=32, help="pixels of a view")
    arguments.add_argument("--width", type=int, default=64, help="channels of ResNet-18's first stage")
    arguments.add_argument("--queue", type=int, default=4096, help="rows of each space's queue")
    arguments.add_argument("--precision", default="float32", choices=("float32", "mixed_bfloat16"))
    arguments.add_argument("--steps", type=int, default=8, help="steps that are timed")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--core", type=int, help="run on this core alone")
    return arguments.parse_args()


def experiment(given: argparse.Namespace) -> config.Experiment:
    """MoCo v2's sizes with a small-image stem, and as many spaces as asked for."""
    shares = [("all", ()), *((name, (name,)) for name in SHARED[: given.spaces])]
    spaces = tuple(Space(name, shared, queue=given.queue) for name, shared in shares)
    return config.Experiment(
        model=config.Model(backbone="resnet18", stem="small", width=given.width, hidden=512),
        method=Settings(spaces=spaces, momentum=0.99),
        training=config.Training(batch=given.batch, steps=100, precision=given.precision),
    )


def fixed_batch(setup: config.Experiment, size: int) -> dict:
    """Random pictures in the place of rendered views, and the keys' shuffle."""
    batch, names = setup.training.batch, ["query", *(space.name for space in setup.method.spaces)]
    views = {name: tf.random.stateless_uniform([batch, size, size, 3], seed=(0, i)) for i, name in enumerate(names)}
    return {"views": views, "order": tf.random.experimental.stateless_shuffle(tf.range(batch), seed=(0, 0))}


def step_of(setup: config.Experiment, size: int) -> Callable[[], float]:
    """The step as `fit` runs it: compiled, fed by a data set. Returns the loss, which waits for the step's end."""
    with distribute.strategy().scope():
        method = methods.build(setup)
        method.compile(optimizer=optim.build(setup.optimizer, setup.training.steps or 0))
        train = method.make_train_function()
        data = iter(distribute.shard_batches(tf.data.Dataset.from_tensors(fixed_batch(setup, size)).repeat()))
    return lambda: float(train(data)["loss"])


def step_of_config(given: argparse.Namespace) -> Callable[[], float]:
    """The same of a config's method, on the views of random pictures in ten classes."""
    setup = experiments.load(given.config, [*given.set, f"training.batch={given.batch}"])
    random, side = np.random.default_rng(0), setup.data.size
    pictures = random.integers(0, 256, (given.batch, side, side, 3), np.uint8)
    source = source_of(pictures, random.permutation(given.batch) % 10)
    with distribute.strategy().scope():
        method = compiled(setup, Facts.of(setup, source))
        batch = next(iter(batches_of(setup, source, steps=1, start=0)))
        train = method.make_train_function()
        data = iter(tf.data.Dataset.from_tensors(batch).repeat())
    return lambda: float(train(data)["loss"])


def main() -> None:
    given = options()
    if given.core is not None:
        os.sched_setaffinity(0, [given.core])
    distribute.configure_threads(given.threads)
    step = step_of_config(given) if given.config else step_of(experiment(given), given.size)
    for _ in range(3):
        step()
    start, began = time.perf_counter(), time.process_time()
    for _ in range(given.steps):
        loss = step()
    seconds, busy = (time.perf_counter() - start) / given.steps, (time.process_time() - began) / given.steps
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    measured = {"images_per_second": given.batch / seconds, "ms_per_step": 1e3 * seconds, "peak_mb": peak, "loss": loss}
    print(json.dumps({**measured, "cpu_ms_per_step": 1e3 * busy, **vars(given)}))


if __name__ == "__main__":
    main()
