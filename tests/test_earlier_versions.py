"""What version 1 has written is read, evaluated and resumed.

`version1/` holds two runs of `tiny.py` as the code before config files had a version left them after three of six
steps, and the history.csv that it wrote of all six.
"""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny

from looc_tf import config
from looc_tf.config import versions
from looc_tf.errors import UserError
from looc_tf.experiments import from_dict, from_text, load
from looc_tf.run import load_run
from looc_tf.training import train

RUNS = Path(__file__).parent / "version1"


@pytest.fixture
def begun(request, tmp_path, monkeypatch):
    """A copy of a run, beside the pictures that its config names."""
    monkeypatch.chdir(tmp_path)
    tiny.draw("pictures")
    run = tmp_path / request.param
    shutil.copytree(RUNS / request.param, run)
    return run


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("begun", ["looc", "supervised"], indirect=True)
def test_a_run_is_loaded_and_resumed_to_the_end_it_had(begun):
    run = load_run(begun)
    assert (run.step, run.steps) == (3, 6)
    assert all(np.isfinite(rows).all() for rows in run.embedder.images(np.zeros([2, 16, 16, 3], np.uint8)).values())
    expected = rows(RUNS / begun.name / "history.csv")
    train(load(begun / "config.yaml"), begun, resume=True)
    made = rows(begun / "history.csv")
    assert [list(row) for row in made] == [list(row) for row in expected] and len(made) == 3
    for row, one in zip(made, expected):
        for name, value in one.items():
            assert float(row[name]) == pytest.approx(float(value), rel=1e-3, abs=1e-6), f"step {one['step']}: {name}"
    assert load_run(begun).step == 6


def test_what_was_written_out_under_every_method_is_left_off_where_it_was_not_read():
    experiment = load(RUNS / "supervised" / "config.yaml")
    assert "momentum" in (RUNS / "supervised" / "config.yaml").read_text()
    assert config.to_dict(experiment)["method"] == {"name": "supervised"}
    assert "version: 2" in config.to_yaml(experiment)
    assert from_text(config.to_yaml(experiment)) == experiment


def test_a_setting_that_somebody_wrote_for_a_method_without_it_is_refused():
    text = "training: {steps: 1}\nmethod: {name: supervised, spaces: [{name: all}]}"
    with pytest.raises(UserError, match=r"unknown key 'method\.spaces'\. Expected one of name"):
        from_text(text)
    assert from_text("training: {steps: 1}\nmethod: {name: supervised, spaces: []}").method.name == "supervised"


def test_a_field_that_was_renamed_is_read_under_its_old_name(monkeypatch):
    monkeypatch.setitem(versions.RENAMED, "training.batch_size", "training.batch")
    assert from_text("training: {steps: 1, batch_size: 8}").training.batch == 8
    assert from_text("training: {steps: 1, batch: 8}", ["training.batch_size=16"]).training.batch == 16
    with pytest.raises(UserError, match=r"'training\.batch_size' is called 'training\.batch' now\. Received both"):
        from_text("training: {steps: 1, batch_size: 8, batch: 16}")


@pytest.mark.parametrize("version", ["3", "0", "two", "true"])
def test_a_config_of_a_version_that_is_not_known_is_refused(version):
    with pytest.raises(UserError, match="version should be a whole number from 1 to 2"):
        from_text(f"version: {version}\ntraining: {{steps: 1}}")


def test_what_is_no_config_is_refused():
    for content in ([], 3, "looc"):
        with pytest.raises(UserError, match="expected sections"):
            from_dict(content)
