"""A training that is killed again and again, at random moments, and resumed each time, ends in the same bits.

`LOOC_KILLS=20 python -m pytest -m slow tests/slow/test_kill_resume.py` kills more often; `LOOC_KILL_SEED` picks others.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny

KILLS = int(os.environ.get("LOOC_KILLS", "4"))
STEPS = 24
EACH = [f"training.steps={STEPS}", "training.log_every=3", "training.checkpoint_every=2", "training.monitor_every=6"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def start(pictures, out, *more):
    program = Path(tiny.__file__)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(program), str(pictures), str(out), *EACH, *more]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def saved(out):
    return [path.name for path in (out / "checkpoints").glob("*.index")]


def kill_after_progress(process, out, pause):
    """SIGKILL a moment after the first new checkpoint: in a step, in a row of the history or in the next save."""
    before = saved(out)
    while process.poll() is None and saved(out) == before:
        time.sleep(0.005)
    time.sleep(pause)
    process.kill()
    process.communicate()


def state(out):
    reader = tf.train.load_checkpoint(str(out / "checkpoints" / f"ckpt-{STEPS}"))
    names = [name for name in reader.get_variable_to_shape_map() if not name.startswith("save_counter")]
    return {name: reader.get_tensor(name) for name in names}


def test_killed_and_resumed_ends_in_the_same_bits(tmp_path):
    dice = random.Random(os.environ.get("LOOC_KILL_SEED", "0"))
    pictures, straight, broken = tiny.draw(tmp_path / "pictures"), tmp_path / "straight", tmp_path / "broken"
    undisturbed = start(pictures, straight)
    assert undisturbed.wait() == 0, undisturbed.stderr.read()

    died = 0
    for number in range(KILLS):
        more = ["--resume"] if (broken / "config.yaml").exists() else []
        process = start(pictures, broken, *more)
        kill_after_progress(process, broken, dice.uniform(0, 0.4))
        died += process.returncode == -signal.SIGKILL
        print(f"kill {number + 1}: {sorted(saved(broken))}")
    assert died
    last = start(pictures, broken, "--resume")
    said = last.communicate()[1]
    assert last.returncode == 0, said

    mine, its = state(broken), state(straight)
    assert mine.keys() == its.keys()
    for name, value in mine.items():
        np.testing.assert_array_equal(value, its[name], err_msg=name)
    assert (broken / "history.csv").read_bytes() == (straight / "history.csv").read_bytes()


def test_a_disk_that_is_full_ends_in_one_line_and_keeps_the_checkpoint_before(tmp_path):
    """No file may grow over a limit that the first checkpoint keeps, and a queue that is added breaks."""
    pictures, out = tiny.draw(tmp_path / "pictures"), tmp_path / "run"
    program = (
        "import resource, sys; sys.path.insert(0, sys.argv.pop(1)); import tiny; from looc_tf.errors import UserError\n"
        "from looc_tf.checkpoints import CheckpointFolder\n"
        "save = CheckpointFolder.save\n"
        "def limited(folder, step):\n"
        "    save(folder, step)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))\n"
        "CheckpointFolder.save = limited\n"
        "try: tiny.train(tiny.experiment(sys.argv[1], 'training.log_every=100'), sys.argv[2])\n"
        "except UserError as error: print(error)\n"
    )
    command = [sys.executable, "-c", program, str(Path(tiny.__file__).parent), str(pictures), str(out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Could not save the checkpoint of step 6" in ended.stdout and "step 3 is intact" in ended.stdout
    assert ended.stdout.count("\n") == 1
    assert saved(out) == ["ckpt-3.index"]
