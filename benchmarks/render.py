"""Render MoCo v2's views of random images in a dataset and print source images per second as JSON.

The counterpart of the programs that it is compared with: crop with flip and resize, color and blur, images held in
memory, whole batches of float views as the result; decoding is left out on both sides.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator

import tensorflow as tf

from looc_tf.augment import build_chain
from looc_tf.views import View, ViewPlan

CHAIN = ("crop", "color", "blur")  # their default settings are MoCo v2's


def options() -> argparse.Namespace:
    """The command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--size", type=int, default=224, help="pixels of a view")
    arguments.add_argument("--source", type=int, default=256, help="pixels of a source image")
    arguments.add_argument("--views", type=int, default=1, help="views of each image, all drawn apart")
    arguments.add_argument("--workers", type=int, default=2, help="threads")
    arguments.add_argument("--seconds", type=float, default=10)
    return arguments.parse_args()


def plan(size: int, views: int) -> ViewPlan:
    """So many views with nothing shared."""
    rows = [View(f"view{i}", (i,) * len(CHAIN)) for i in range(views)]
    return ViewPlan(build_chain({name: {} for name in CHAIN}, size), rows)


def batches(given: argparse.Namespace) -> Iterator[dict[str, tf.Tensor]]:
    """Endless batches of views, on as many threads as asked for."""
    made, batch = plan(given.size, given.views), 128 if given.size < 100 else 32
    images = tf.random.stateless_uniform([64, given.source, given.source, 3], (0, 0), 0, 255, tf.int32)
    images = tf.gather(tf.cast(images, tf.uint8), tf.range(batch) % 64)

    def views(step: tf.Tensor) -> dict[str, tf.Tensor]:
        u = tf.random.stateless_uniform([batch, made.numbers], tf.stack([tf.zeros_like(step), step]))
        return made(tf.identity(images), u)[0]

    threads = tf.data.Options()
    threads.threading.private_threadpool_size = given.workers
    data = tf.data.Dataset.counter().map(views, num_parallel_calls=given.workers).prefetch(given.workers)
    return iter(data.with_options(threads))


def main() -> None:
    given = options()
    tf.config.threading.set_intra_op_parallelism_threads(given.workers)
    tf.config.threading.set_inter_op_parallelism_threads(given.workers)
    stream = batches(given)
    for _ in range(4):  # compiles, and fills what is read ahead
        next(stream)
    start, images = time.perf_counter(), 0
    while time.perf_counter() - start < given.seconds:
        images += next(stream)["view0"].shape[0]
    speed = images / (time.perf_counter() - start)
    print(json.dumps({"images_per_second": speed, **vars(given)}))


if __name__ == "__main__":
    main()
