"""Two workers of one core each against one worker of one core, and what a step costs besides computing.

The workers train LooC under MultiWorkerMirroredStrategy, twice the batch for two. A round measures one worker, both
workers, and both summing a tensor of the gradients' size; ratios are taken within a round.

From the parts follows a model of a step on R replicas, which is checked here against the step of two and used for
other machines in docs/trust.md: time of one replica's part + time of summing the gradients.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import time

from benchmarks.figures import ROOT, Figure, module, parser, report

WORKERS = 2


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=3)
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.add_argument("--spaces", type=int, default=2, help="LooC with so many spaces beside `all`; 0 is MoCo")
    arguments.add_argument("--batch", type=int, default=128, help="of each worker")
    arguments.add_argument("--width", type=int, default=64, help="channels of ResNet-18's first stage")
    arguments.add_argument("--steps", type=int, default=6, help="steps timed in a round")
    arguments.add_argument("--sum", type=int, metavar="NUMBERS", help=argparse.SUPPRESS)  # a worker that sums
    return arguments.parse_args()


def tf_configs(workers: int) -> list[str]:
    """The TF_CONFIG of each of so many workers on this machine, at ports that are free now."""
    sockets = [socket.socket() for _ in range(workers)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    places = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    tasks = ({"type": "worker", "index": index} for index in range(workers))
    return [json.dumps({"cluster": {"worker": places}, "task": task}) for task in tasks]


def together(*commands: list[str]) -> list[dict]:
    """Run a command for each worker, all at the same time; what each prints as its last line."""
    running = []
    for command, task in zip(commands, tf_configs(len(commands))):
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_CONFIG": task}
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True))
    found = []
    for command, process in zip(commands, running):
        said, wrong = process.communicate()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed: {wrong.strip()[-500:]}")
        found.append(json.loads(said.strip().splitlines()[-1]))
    return found


def worker(given: argparse.Namespace, core: int, workers: int) -> list[str]:
    """The command of one worker of so many, on a core of its own."""
    shape = [f"--{name}={getattr(given, name)}" for name in ("spaces", "width", "steps")]
    return module("benchmarks.train_step", *shape, f"--batch={given.batch * workers}", "--threads=1", f"--core={core}")


def summing(given: argparse.Namespace, numbers: int) -> list[str]:
    """The command of a worker that only sums so many numbers with the others."""
    return module("benchmarks.workers", f"--sum={numbers}", f"--steps={given.steps}")


def sum_over_workers(numbers: int, steps: int) -> None:
    """Prints the milliseconds of one sum over all workers."""
    import tensorflow as tf

    from looc_tf import distribute

    with distribute.strategy().scope() as strategy:
        rows = tf.ones([numbers])

        def add() -> tf.Tensor:
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(rows))

        run = tf.function(lambda: tf.reduce_sum(strategy.run(add)[:1]))
        float(run())
        start = time.perf_counter()
        for _ in range(steps):
            float(run())
    print(json.dumps({"ms": 1e3 * (time.perf_counter() - start) / steps}))


def learned(given: argparse.Namespace) -> int:
    """How many numbers the gradients have."""
    from benchmarks.train_step import experiment
    from looc_tf import methods

    setup = experiment(argparse.Namespace(**vars(given), queue=4096, precision="float32"))
    return sum(variable.shape.num_elements() for variable in methods.build(setup).trained_variables())


def main() -> None:
    given = options()
    if given.sum:
        sum_over_workers(given.sum, given.steps)
        return
    numbers, cores = learned(given), sorted(os.sched_getaffinity(0))[:WORKERS]
    if len(cores) < WORKERS:
        raise SystemExit(f"Expected {WORKERS} cores, a worker each. This process may use {len(cores)}.")
    rounds: list[tuple[float, float, float, float]] = []
    for _ in range(given.rounds):
        [one] = together(worker(given, cores[0], 1))
        two = together(*(worker(given, core, WORKERS) for core in cores))
        sums = together(*[summing(given, numbers)] * WORKERS)
        slowest = max(each["ms_per_step"] for each in two)
        rounds.append((one["images_per_second"], one["ms_per_step"], slowest, max(each["ms"] for each in sums)))
    speed, alone, both, add = zip(*rounds)
    twice = tuple(1e3 * WORKERS * given.batch / ms for ms in both)
    predicted = tuple((a + s) / b for a, b, s in zip(alone, both, add))
    about = f"LooC n={given.spaces}, width {given.width}"
    report(
        [
            Figure(f"One worker of one core, {about}", speed, "images/s"),
            Figure(f"Two workers of one core each, {about}", twice, "images/s"),
            Figure("Two workers' speed / one's", tuple(t / s for t, s in zip(twice, speed)), at_least=1.6),
            Figure("Gradients to sum", (4 * numbers / 2**20,), "MiB"),
            Figure("Time of summing them over two workers", add, "ms"),
            Figure("Step of one worker", alone, "ms"),
            Figure("Step of two workers", both, "ms"),
            Figure("Modelled step of two workers / measured", predicted),
        ],
        given.json,
    )


if __name__ == "__main__":
    main()
