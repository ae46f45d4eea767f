"""A pipeline killed in the middle of Pretrain goes on, and ends in the weights of one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

from helpers import tiny

PROGRAM = Path(__file__).parent / "tiny_pipeline.py"
LENGTH = ("training.steps=80", "training.checkpoint_every=5", "training.monitor_every=0")


def start(pictures, root):
    environment = {**os.environ, "PYTHONPATH": str(PROGRAM.parents[2])}
    command = [sys.executable, "-W", "ignore", str(PROGRAM), str(pictures), str(root), *LENGTH]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def weights(root):
    import looc_tf

    [run] = root.glob("Pretrain/model_run/*/run")
    method = looc_tf.load_run(run).method
    return [variable.numpy() for variable in method.variables], (run / "train.log").read_text()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_pretrain_resumes_to_the_same_weights(tmp_path):
    pictures = tiny.draw(tmp_path / "pictures")
    killed = start(pictures, tmp_path / "killed")
    while killed.poll() is None and not list((tmp_path / "killed").glob("work/pretrain/*/run/checkpoints/*-20.index")):
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not list((tmp_path / "killed").glob("Pretrain/model_run/*/run")), "it was done before it could be killed"
    for root in ("killed", "whole"):
        again = start(pictures, tmp_path / root)
        said, _ = again.communicate()
        assert again.returncode == 0, said
        assert ("Pictures" in said and "from the cache" in said.split("Pretrain")[0]) == (root == "killed")
    resumed, log = weights(tmp_path / "killed")
    whole, other = weights(tmp_path / "whole")
    assert "steps 0 to 80" in other and any(f"steps {step} to 80" in log for step in range(20, 80, 5))
    assert all((one == two).all() for one, two in zip(resumed, whole))
    assert not list((tmp_path / "killed" / "work" / "pretrain").iterdir())
