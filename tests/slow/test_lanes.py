"""What one lane writes, the other reads: runs, checkpoints, exports. Needs both (`make setup`, with LANE=current)."""

import csv
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny

PROJECT = Path(__file__).parents[2]
LANES = {"pinned": PROJECT / ".venv/bin/python", "current": PROJECT / ".venv-current/bin/python"}
PLAIN = """
import sys, numpy as np, tensorflow as tf
signature = tf.saved_model.load(sys.argv[1]).signatures["images"]
[name] = signature.structured_input_signature[1]
pictures = np.random.default_rng(0).integers(0, 256, (9, 16, 16, 3), np.uint8)
np.savez(sys.argv[2], **{key: rows.numpy() for key, rows in signature(**{name: tf.constant(pictures)}).items()})
assert not {"looc_tf", "keras_cv", "tensorflow_addons"} & set(sys.modules)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(python.exists() for python in LANES.values()), reason="needs both lanes"),
]


def other(lane):
    return next(name for name in LANES if name != lane)


def run(lane, *arguments):
    done = subprocess.run([str(LANES[lane]), *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tiny.draw(tmp_path_factory.mktemp("lanes") / "pictures")


@pytest.fixture(scope="module", params=LANES)
def made(request, pictures, tmp_path_factory):
    """(lane, the folder of a whole run of it)."""
    out = tmp_path_factory.mktemp("made") / "run"
    run(request.param, tiny.__file__, pictures, out)
    return request.param, out


def losses(out):
    return [float(row["loss"]) for row in csv.DictReader((out / "history.csv").open()) if row["loss"]]


def test_a_run_is_gone_on_with_in_the_other_lane(made, pictures, tmp_path):
    lane, whole = made
    half = shutil.copytree(whole, tmp_path / "half")
    for file in half.glob("checkpoints/*-6.*"):
        file.unlink()
    run(other(lane), tiny.__file__, pictures, half, "--resume")
    assert list(half.glob("checkpoints/ckpt-6.index"))
    np.testing.assert_allclose(losses(half), losses(whole), rtol=1e-3)


def test_a_run_is_exported_in_either_lane_and_read_by_plain_tensorflow_of_both(made, tmp_path):
    _, whole = made
    rows = []
    for writer in LANES:
        run(writer, "-m", "looc_tf.cli", "export", whole, "--out", tmp_path / writer)
        for reader in LANES:
            file = tmp_path / f"{writer}-{reader}.npz"
            run(reader, "-c", PLAIN, tmp_path / writer / "1", file)
            rows.append(dict(np.load(file)))
    for each in rows[1:]:
        assert set(each) == set(rows[0]) >= {"trunk", "all", "rotation"}
        for name in each:
            np.testing.assert_allclose(each[name], rows[0][name], atol=1e-5, err_msg=name)
