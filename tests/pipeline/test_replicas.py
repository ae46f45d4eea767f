"""The trainer step under two logical devices, and under two worker processes: both learn what one device does."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.workers import tf_configs

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

PROGRAM = Path(__file__).parent / "replicas.py"


def start(examples, out, *mode, **environment):
    environment = {**os.environ, "PYTHONPATH": str(PROGRAM.parents[2]), **environment}
    command = [sys.executable, "-W", "ignore", str(PROGRAM), str(examples), str(out), *mode]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(*processes):
    for process in processes:
        said, _ = process.communicate(timeout=900)
        assert process.returncode == 0, said[-3000:]


def weights(out):
    import looc_tf

    run = looc_tf.load_run(out / "root/Pretrain/model_run/1/run")
    assert run.step == 6 and (out / "root/Pretrain/model/1/Format-Serving/saved_model.pb").is_file()
    return [variable.numpy() for variable in run.method.encoder.variables]


@pytest.fixture(scope="module")
def one(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("one")
    finish(start(made.artifact("Examples"), out))
    return weights(out)


def assert_alike(one, other):
    for left, right in zip(one, other):
        np.testing.assert_allclose(left, right, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_logical_devices(made, one, tmp_path):
    finish(start(made.artifact("Examples"), tmp_path, "devices"))
    assert_alike(one, weights(tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_worker_processes(made, one, tmp_path):
    examples = made.artifact("Examples")
    finish(*[start(examples, tmp_path, TF_CONFIG=task) for task in tf_configs(2)])
    assert_alike(one, weights(tmp_path))
