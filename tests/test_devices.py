"""Threads and devices can still be chosen after a config was read: nothing of it has run an operation."""

import subprocess
import sys

import pytest
from helpers import tiny

from looc_tf import config

CODE = """
import sys
import looc_tf
from tensorflow.python.eager import context
for name in sys.argv[1:]:
    looc_tf.load_config(name)
    assert not context.context()._initialized, name
"""


def test_reading_and_checking_a_config_runs_no_operation():
    subprocess.run([sys.executable, "-c", CODE, *config.names()], check=True)


@pytest.mark.parametrize("option", [["--threads", "1"], ["--devices", "2"]])
def test_the_command_line_chooses_threads_and_devices(option, tmp_path):
    pictures = tiny.draw(tmp_path / "pictures")
    (tmp_path / "tiny.yaml").write_text(config.to_yaml(tiny.experiment(pictures, "training.steps=1")))
    code = "from looc_tf.cli import main; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "train",
        str(tmp_path / "tiny.yaml"),
        "--out",
        str(tmp_path / "run"),
        *option,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    devices = 2 if "--devices" in option else 1
    assert (tmp_path / "run" / "run.json").read_text().count("/device:CPU") == devices
