"""A training that is killed again and again, at random moments, and resumed each time, ends in the same bits.

`LOOC_KILLS=20 python -m pytest -s -m slow tests/slow/test_kill_resume.py` kills more often and prints the moments;
`LOOC_KILL_SEED` picks others.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from helpers import tiny, trained

KILLS = int(os.environ.get("LOOC_KILLS", "6"))
STEPS = 60 + 10 * KILLS
EACH = [
    f"training.steps={STEPS}", "training.log_every=3", "training.checkpoint_every=2", "training.monitor_every=6",
    "training.keep=2",
]  # fmt: skip

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]


def start(pictures, out, *more):
    program = Path(tiny.__file__)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(program), str(pictures), str(out), *EACH, *more]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def wait(process, happened):
    """Until something happened or the process is at its end."""
    while process.poll() is None and not happened():
        time.sleep(0.001)


PARTS = ("starting", "running", "saving")


def kill(process, out, part, dice, birth):
    """SIGKILL in a part of the life of a process, each moment of it as likely.

    Args:
        birth: seconds that an undisturbed run took to its first checkpoint: the length of `starting`.
    """

    def next_checkpoint():
        before = trained.checkpoints(out)
        wait(process, lambda: trained.checkpoints(out) != before)

    if part == "starting":
        before, end = trained.checkpoints(out), time.monotonic() + dice.uniform(0, birth)
        wait(process, lambda: time.monotonic() > end or trained.checkpoints(out) != before)
    else:
        for _ in range(dice.randint(1, 3)):
            next_checkpoint()
    if part == "running":
        time.sleep(dice.uniform(0, 0.3))
    elif part == "saving":
        wait(process, lambda: list((out / "checkpoints").glob("*_temp")))
        time.sleep(dice.choice((0, 0.001, 0.003, 0.01)))  # on an idle machine a save takes few milliseconds
    process.kill()
    process.communicate()


def undisturbed(pictures, out):
    """Waits for the end of a run; returns the seconds to its first checkpoint."""
    began, process = time.monotonic(), start(pictures, out)
    wait(process, lambda: trained.checkpoints(out))
    birth = time.monotonic() - began
    said = process.communicate()[1]
    assert process.returncode == 0, said
    return birth


def remains(out):
    """What lies in the checkpoint folder besides complete checkpoints."""
    whole = trained.checkpoints(out)
    found = (path for path in (out / "checkpoints").glob("*"))
    return sorted(path.name for path in found if path.name.partition(".")[0] not in whole)


def test_killed_and_resumed_ends_in_the_same_bits(tmp_path):
    pictures, straight, broken = tiny.draw(tmp_path / "pictures"), tmp_path / "straight", tmp_path / "broken"
    dice, birth = random.Random(os.environ.get("LOOC_KILL_SEED", "0")), undisturbed(pictures, straight)
    killed, torn = Counter(), 0
    for number in range(KILLS):
        more = ["--resume"] if (broken / "config.yaml").exists() else []
        process = start(pictures, broken, *more)
        part = PARTS[number % len(PARTS)]
        kill(process, broken, part, dice, birth)
        assert process.returncode in (-signal.SIGKILL, 0), f"kill {number + 1} ({part}) came to a run that had failed"
        killed[part] += process.returncode == -signal.SIGKILL
        torn += bool(remains(broken))
        print(f"kill {number + 1:2} while {part:8}: {trained.checkpoints(broken)}, left over: {remains(broken)}")
    assert sum(killed.values()) == KILLS, f"some runs ended before they were killed: {killed}"
    last = start(pictures, broken, "--resume")
    said = last.communicate()[1]
    assert last.returncode == 0, said
    assert not remains(broken)
    count = trained.assert_same_end(broken, straight, STEPS)
    print(f"{dict(killed)}, {torn} left half a checkpoint; {count} tensors, history.csv and TensorBoard are equal")


def test_a_disk_that_is_full_ends_in_one_line_and_keeps_the_checkpoint_before(tmp_path):
    """No file may grow over a limit that the first checkpoint keeps, and a queue that is added breaks."""
    pictures, out = tiny.draw(tmp_path / "pictures"), tmp_path / "run"
    program = (
        "import resource, sys; sys.path.insert(0, sys.argv.pop(1)); import tiny; from looc_tf.errors import UserError\n"
        "from looc_tf.run.checkpoints import CheckpointFolder\n"
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
    assert trained.checkpoints(out) == ["ckpt-3"]
