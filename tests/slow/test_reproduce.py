"""`looc reproduce` as a process: killed at any moment it goes on, and what is done is never done again."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]

STUDY = """
title: two rows
paper: nobody
rows:
  - {name: one, varies: [color]}
  - {name: two, varies: [color, rotation], spaces: [all, rotation]}
columns:
  - {name: object, probe: object}
  - {name: kNN, probe: knn}
claims:
  - {says: two is better, row: two, than: one, column: object}
"""
SMALL = {
    "training.steps": 60,
    "training.batch": 16,
    "training.monitor_every": 0,
    "training.checkpoint_every": 10,
    "model.width": 4,
    "model.hidden": 32,
    "evaluation.limit": 200,
}


def command(folder, out):
    (folder / "mine.yaml").write_text(STUDY)
    changed = [word for field, value in SMALL.items() for word in ("--set", f"{field}={value}")]
    python = [sys.executable, "-m", "looc_tf.cli", "reproduce", str(folder / "mine.yaml")]
    return [*python, "--seeds", "1", "--jobs", "2", "--out", str(out), *changed]


def values(out):
    return json.loads((out / "mine.json").read_text())["cells"]


def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(tmp_path, whole), check=True, capture_output=True)
    moments, done = random.Random(int(os.environ.get("LOOC_SEED", "0"))), {}
    for _ in range(int(os.environ.get("LOOC_KILLS", "4"))):
        process = subprocess.Popen(command(tmp_path, killed), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(moments.uniform(3, 40))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path, was in done.items():
            assert path.stat().st_mtime_ns == was, f"{path} was made again"
        done = {path: path.stat().st_mtime_ns for path in killed.glob("runs/*/results.json")}
    ended = subprocess.run(command(tmp_path, killed), check=True, capture_output=True, text=True)
    assert "two is better" in ended.stdout
    assert values(killed) == values(whole)
    for path, was in done.items():
        assert path.stat().st_mtime_ns == was
    again = subprocess.run(command(tmp_path, killed), check=True, capture_output=True, text=True)
    assert "0 to be made" in again.stderr and "training" not in again.stderr.partition("\n")[2]


def test_a_training_that_fails_is_one_line_and_stops_the_others(tmp_path):
    broken = [*command(tmp_path, tmp_path / "out"), "--data", str(tmp_path / "nowhere")]
    ended = subprocess.run(broken, check=False, capture_output=True, text=True)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert ended.stderr.strip().splitlines()[-1].startswith("looc: error: ")
    assert "nowhere" in ended.stderr
