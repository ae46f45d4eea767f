"""Two replicas of half the batch are one device of the whole batch. The trainings run in `replicas.py`, once.

Which equalities must hold, after ten steps, of LooC with the keys' BatchNorm split over the global batch:

| BatchNorm of the query | two replicas equal | weights | queues | logged values | moving statistics |
|---|---|---|---|---|---|
| sync | one device | yes | yes | yes | yes |
| plain | one device that splits the query's batch into two groups | yes | yes | yes | means only |
| plain | one device with plain BatchNorm | no: half the batch gives other statistics | | | |

(Plain BatchNorm's fused kernel records the unbiased variance, the split one the biased; no training step reads either.)
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.long_checks import replica_distance as distance

from looc_tf.distribute import gather, own_rows, replicas, update_each

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    out = tmp_path_factory.mktemp("replicas")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    run = subprocess.run(
        [sys.executable, str(TESTS / "helpers" / "replicas.py"), str(out)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return {path.stem: dict(np.load(path, allow_pickle=False)) for path in out.glob("*.npz")}


PAIRS = [("sync-1", "sync-2"), ("halves-1", "plain-2")]
both = pytest.mark.parametrize("pair", PAIRS, ids=["sync", "plain"])


@both
@pytest.mark.parametrize("part", ["encoder", "key_encoder"])
def test_two_replicas_learn_the_weights_of_one(runs, pair, part):
    one, two = (runs[name] for name in pair)
    skip = "nothing" if pair[0] == "sync-1" else "moving_variance"
    assert distance(one, two, part, skip) < 1e-5


@both
def test_two_replicas_log_what_one_logs(runs, pair):
    one, two = (runs[name] for name in pair)
    assert np.isfinite(one["logs"]).all() and list(one["names"]) == list(two["names"])
    for column, name in enumerate(one["names"]):
        # An accuracy counts which logit is largest, and rounding decides between two that are nearly equal.
        apart = 0.1 if name.endswith("accuracy") else 1e-5
        np.testing.assert_allclose(two["logs"][:, column], one["logs"][:, column], rtol=1e-4, atol=apart, err_msg=name)


@both
def test_two_replicas_fill_the_queues_of_one(runs, pair):
    one, two = (runs[name] for name in pair)
    assert distance(one, two, "queue") < 1e-4  # ten steps of rounding, through two networks
    for name in (name for name in one if name.startswith("entered")):
        assert one[name] == two[name] == 80


@pytest.mark.parametrize("run", ["sync-2", "plain-2"])
def test_the_queues_of_all_replicas_hold_the_same_rows(runs, run):
    queues = [name for name in runs[run] if name.startswith("queue") and name.endswith("/0")]
    assert queues
    for name in queues:
        np.testing.assert_array_equal(runs[run][name], runs[run][f"{name[:-2]}/1"])


def test_ten_steps_move_the_weights_far_beyond_the_tolerance(runs):
    """So the comparisons above can fail. The key encoder started as the query encoder and followed slowly."""
    run = runs["sync-1"]
    query = {name: run[name] for name in run if name.startswith("encoder")}
    key = {name: run[f"key_{name}"] for name in query}
    assert distance(query, key, "encoder") > 1e-3


def test_on_one_device_nothing_is_gathered_or_cut():
    rows = tf.ones([3, 2])
    assert replicas() == 1
    assert gather(rows) is rows and own_rows(rows, rows) is rows


def test_update_each_applies_its_rule_to_each_pair():
    variables, values = [tf.Variable(1.0), tf.Variable(2.0)], [tf.Variable(10.0), tf.Variable(20.0)]
    update_each(variables, values, lambda variable, value: variable.assign_add(value))
    assert [float(variable) for variable in variables] == [11.0, 22.0]
