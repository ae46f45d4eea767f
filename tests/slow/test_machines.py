"""One device, two logical devices and two worker processes train the same network.

Which equalities must hold, with synchronized BatchNorm for the query and, for the keys:

| `method.key_batch_norm` | two devices | two workers |
|---|---|---|
| split | one device | one device |
| sync | one device | one device |
| shuffled | one device that splits the keys into two groups, but for moving variances | two devices |

(Plain BatchNorm's fused kernel records the unbiased variance, the split one the biased; no training step reads either.)
`python tests/slow/test_machines.py` prints how far apart they are.
"""

import csv
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from benchmarks.workers import tf_configs

STEPS = 10
# Sums over two devices differ from sums over one in the last bits. A high rate would blow these up, and in a head of a
# few units a ReLU at zero that falls to the other side: 3e-5 of the weights instead of 1e-7.
EACH = [f"training.steps={STEPS}", "training.log_every=5", "training.monitor_every=5", "optimizer.learning_rate=0.01"]
EACH += ["training.batch=16", "model.batch_norm=sync", "model.width=8", "model.hidden=64"]
KEYS = ("split", "sync", "shuffled")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def start(pictures, out, *more, **environment):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    command = [sys.executable, str(Path(tiny.__file__)), str(pictures), str(out), *EACH, *more]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(*processes):
    for process in processes:
        _, said = process.communicate(timeout=900)
        assert process.returncode == 0, said[-3000:]


def two_workers(pictures, out, *more):
    """The two processes of a cluster on this machine."""
    return [start(pictures, out, *more, TF_CONFIG=task) for task in tf_configs(2)]


def train_all(folder):
    """The run folders of every way to train, by (keys, where)."""
    pictures, runs = tiny.draw(folder / "pictures"), {}
    for keys in KEYS:
        alone = "split" if keys == "shuffled" else keys  # the tiny experiment splits into two groups
        runs |= {(keys, where): folder / f"{keys}-{where}" for where in ("one", "devices", "workers")}
        finish(start(pictures, runs[keys, "one"], f"method.key_batch_norm={alone}"))
        finish(start(pictures, runs[keys, "devices"], f"method.key_batch_norm={keys}", "--devices=2"))
        finish(*two_workers(pictures, runs[keys, "workers"], f"method.key_batch_norm={keys}"))
    return runs


def saved(run, part):
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / f"ckpt-{STEPS}"))
    names = sorted(name for name in reader.get_variable_to_shape_map() if part(name))
    return {name: np.float64(reader.get_tensor(name)) for name in names}


def apart(one, other, part):
    """|a - b| / |a| over all that a checkpoint holds of a part."""
    left, right = saved(one, part), saved(other, part)
    assert left and left.keys() == right.keys()
    total = sum(np.sum(value**2) for value in left.values())
    return np.sqrt(sum(np.sum((left[name] - right[name]) ** 2) for name in left) / total)


def encoders(name):
    variance = "moving_variance" in name
    return name.startswith(("method/encoder/", "method/key_encoder/")) and not variance and "OPTIMIZER_SLOT" not in name


def variances(name):
    return name.startswith(("method/encoder/", "method/key_encoder/")) and "moving_variance" in name


def queues(name):
    return name.startswith("method/spaces/") and name.endswith("queue/.ATTRIBUTES/VARIABLE_VALUE")


def logged(run):
    """The columns of history.csv as arrays; an accuracy may hang on how two nearly equal logits are rounded."""
    with (run / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or 0) for row in rows]) for name in rows[0] if "accuracy" not in name}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return train_all(tmp_path_factory.mktemp("replicas"))


@pytest.mark.parametrize("where", ["devices", "workers"])
@pytest.mark.parametrize("keys", KEYS)
def test_weights_queues_and_losses_are_those_of_one_device(runs, keys, where):
    one, other = runs[keys, "one"], runs[keys, where]
    assert apart(one, other, encoders) < 1e-5
    if keys != "shuffled":
        assert apart(one, other, variances) < 1e-5
    assert apart(one, other, queues) < 1e-5
    expected, found = logged(one), logged(other)
    assert expected.keys() == found.keys() and len(found["loss"]) == STEPS // 5
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


def test_the_comparison_can_fail(runs):
    assert apart(runs["split", "one"], runs["sync", "one"], encoders) > 1e-3


def test_killed_workers_go_on_where_they_were(runs, tmp_path):
    pictures, out = runs["split", "one"].parent / "pictures", tmp_path / "run"
    short = [f"training.steps={STEPS}", "training.checkpoint_every=5", "method.key_batch_norm=split"]
    workers = two_workers(pictures, out, *short)
    while all(worker.poll() is None for worker in workers) and not (out / "checkpoints/ckpt-5.index").exists():
        time.sleep(0.05)
    for worker in workers:
        worker.kill()
        worker.communicate()
    finish(*two_workers(pictures, out, *short, "--resume"))
    assert apart(runs["split", "workers"], out, encoders) < 1e-6
    assert apart(runs["split", "workers"], out, queues) < 1e-6


def test_a_signal_to_one_worker_ends_both_after_one_step(runs, tmp_path):
    pictures, out = runs["split", "one"].parent / "pictures", tmp_path / "run"
    workers = two_workers(pictures, out, "training.steps=5000", "training.log_every=5000", "training.monitor_every=0")
    while all(worker.poll() is None for worker in workers) and not (out / "checkpoints/ckpt-3.index").exists():
        time.sleep(0.05)
    workers[1].send_signal(signal.SIGTERM)
    try:
        said = [worker.communicate(timeout=300)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [128 + signal.SIGTERM] * 2, said
    steps = [re.search(r"after step (\d+) of 5000, saved", each)[1] for each in said]
    assert steps[0] == steps[1] and (out / f"checkpoints/ckpt-{steps[0]}.index").exists()


def main():
    with tempfile.TemporaryDirectory() as folder:
        runs = train_all(Path(folder))
        print("| keys | where | weights | queues | logged losses |\n|---|---|---:|---:|---:|")
        for (keys, where), run in runs.items():
            one = runs[keys, "one"]
            pairs = zip(logged(one).values(), logged(run).values())
            losses = max(np.max(np.abs(a - b) / np.maximum(np.abs(a), 1e-6)) for a, b in pairs)
            print(
                f"| {keys} | {where} | {apart(one, run, encoders):.0e} | {apart(one, run, queues):.0e} | {losses:.0e} |"
            )


if __name__ == "__main__":
    main()
