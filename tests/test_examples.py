"""The examples run, small, as somebody runs them: each a script with its own options."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from looc_tf import augment, models

EXAMPLES = Path(__file__).parents[1] / "examples"
LONGEST = 60


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs an example in this process, TensorFlow once for all of them, in an empty folder; gives what it printed."""

    def script(name, *arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    tables = (augment.AUGMENTATIONS, models.BACKBONES)  # in which a script may put parts of its own
    before = [dict(table) for table in tables]
    yield script
    for table, kept in zip(tables, before):
        table.clear()
        table.update(kept)


def test_each_is_short_and_says_how_to_run_it():
    for path in EXAMPLES.glob("*.py"):
        text = path.read_text(encoding="utf8")
        assert text.count("\n") < LONGEST, path.name
        assert f"python examples/{path.name}" in text.split('"""')[1], path.name


def test_own_arrays(run, tmp_path):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", images=random.random((60, 24, 24)), labels=["cat", "dog"] * 30)
    said = run("own_arrays.py", "--arrays", tmp_path / "mine.npz", "--steps", 2)
    assert "'trunk': (1, 128)" in said and said.count(" %") == 4


def test_read_an_export(run):
    said = run("read_an_export.py")
    differences = [float(line.split()[-1]) for line in said.splitlines() if " by " in line]
    assert len(differences) == 2 and max(differences) < 1e-4
    assert "Keras predicts (4, 10)" in said and "b64" in said


def test_own_augmentation_and_backbone(run):
    said = run("own_augmentation_and_backbone.py", "--steps", 2)
    assert "loss" in said and "'fog': (1, 128)" in said


def test_own_folder(run, tmp_path):
    said = run("own_folder.py", "--steps", 2, "--out", tmp_path / "out")
    assert "300 pictures embedded, 0 skipped" in said and "nearest to" in said


def test_finetune_and_low_label(run, tmp_path):
    said = run("finetune_and_low_label.py", "--steps", 2, "--fractions", 0.2, "--out", tmp_path / "out")
    assert said.count("20% of the labels") == 2
