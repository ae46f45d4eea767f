"""Run by test_distribute.py in a process of its own, since logical devices must be made before TensorFlow starts.

    python tests/helpers/replicas.py OUT              # the cases of test_distribute.py
    python tests/helpers/replicas.py OUT CASE ...     # cases of contract.py, with BatchNorm over the global batch
    python tests/helpers/replicas.py OUT CASE:summed  # the same with one of BUGS

One device with the whole batch, then two with half of it each; writes weights, queues and logs of both.
"""

from __future__ import annotations

import contextlib
import sys
from unittest import mock

import numpy as np
import tensorflow as tf

from looc_tf.keras2 import keras
from looc_tf.memory import Bank, Fifo
from looc_tf.objectives import Objective

STEPS, RATE = 10, 0.01
PARTS = (
    *("encoder", "key_encoder", "slow", "classifier", "reader", "teller", "tower", "joined"),
    *("of_each", "of_all", "of_places", "of_picture", "context", "ahead", "target", "painter"),
)
BUGS = {  # what a replica does alone
    "": [],
    "summed": [("looc_tf.methods.base.replicas", lambda: 1)],
    "sinkhorn": [
        ("looc_tf.objectives.clustered.gather", lambda rows: rows),
        ("looc_tf.objectives.clustered.own_rows", lambda rows, like: rows),
    ],
    "nt_xent": [
        ("looc_tf.objectives.in_batch.gather", lambda rows: rows),
        ("looc_tf.objectives.in_batch.own_rows", lambda rows, like: rows),
    ],
    "center": [("looc_tf.memory.center.gather", lambda rows: rows)],
}


def split_cpu(devices: int) -> None:
    """As many logical devices out of the one CPU; before any operation runs."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    tf.config.threading.set_intra_op_parallelism_threads(1)


def smooth():
    """Swish in the place of ReLU, while it holds.

    The last bits of a sum decide on which side of zero a ReLU falls, and after one that fell otherwise two trainings
    go apart: by luck, and another one on each processor. What is compared here does not hang on the activation.
    """
    return mock.patch.object(keras.layers.ReLU, "call", lambda self, inputs: tf.nn.silu(inputs))


def train(case, strategy) -> dict[str, np.ndarray]:
    """Ten steps under a strategy: everything a run leaves behind, by name."""
    from helpers import contract

    with strategy.scope():
        method = contract.build(case, rate=RATE, eager=False)
    logs = []
    log = tf.keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, values: logs.append(list(values.values())))
    method.fit(contract.make_dataset(case, STEPS), verbose=0, callbacks=[log])
    return {**collect(method, logs, strategy), "names": np.array(list(method.meters))}


def collect(method, logs, strategy) -> dict[str, np.ndarray]:
    """Weights, statistics, queues (of each replica) and logs as arrays."""
    found = {"logs": np.array(logs)}
    for part in (part for part in PARTS if getattr(method, part, None) is not None):
        for number, variable in enumerate(getattr(method, part).variables):
            found[f"{part}/{number:03}/{variable.name}"] = np.array(variable)
    for number, bank in enumerate(each for each in method.submodules if isinstance(each, Bank)):
        for replica, rows in enumerate(strategy.experimental_local_results(bank.value)):
            found[f"queue/bank{number}-{bank.name}/{replica}"] = np.array(rows)
    for number, rows in enumerate(each for each in method.submodules if isinstance(each, Fifo)):
        for replica, queue in enumerate(strategy.experimental_local_results(rows.queue)):
            found[f"queue/{number}-{rows.name}/{replica}"] = np.array(queue)
        found[f"entered/{number}-{rows.name}"] = np.array(rows.entered)
    for name, space in getattr(method, "spaces", {}).items():
        for number, variable in enumerate(space.variables if isinstance(space, Objective) else ()):
            if "queue" not in variable.name:
                found[f"objective/{name}/{number}-{variable.name}"] = np.array(variable)
    return found


def main(out: str, *cases: str) -> None:
    split_cpu(2)
    from helpers import contract
    from looc_tf.models.normalization import QUERY_NORMALIZATIONS, split

    QUERY_NORMALIZATIONS["halves"] = split(2)  # what plain BatchNorm on two replicas is, on one device
    one = tf.distribute.get_strategy()
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])  # one for all: a second one would mix up their collectives
    sync = contract.replace(contract.MODEL, batch_norm="sync")
    for name, _, bug in (case.partition(":") for case in cases):
        case = contract.replace(
            contract.CASES[name], model=contract.replace(contract.CASES[name].model, batch_norm="sync")
        )
        for devices, strategy in ((1, one), (2, two)):
            with contextlib.ExitStack() as planted:
                for place, instead in BUGS[bug]:
                    planted.enter_context(mock.patch(place, instead))
                np.savez(f"{out}/{name}-{devices}.npz", **train(case, strategy))
    runs = {
        "sync-1": (sync, 3, one),
        "sync-2": (sync, 3, two),
        "halves-1": (contract.replace(contract.MODEL, batch_norm="halves"), 1, one),
        "plain-2": (contract.MODEL, 1, two),
    }
    for name, (model, spaces, strategy) in () if cases else runs.items():
        np.savez(f"{out}/{name}.npz", **train(contract.experiment(contract.SPACES[:spaces], model), strategy))


if __name__ == "__main__":
    with smooth():
        main(*sys.argv[1:])
