"""`looc pipeline`: what it says before TFX is brought in, and its exit codes."""

import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from looc_tf.cli import cli
from pipeline import commands


def looc(*arguments):
    return CliRunner().invoke(cli, ["pipeline", *map(str, arguments)], prog_name="looc")


def one_line(result, *words, code=2):
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("looc: error: ") and result.stderr.count("\n") == 1, result.stderr
    assert all(word in result.stderr for word in words), result.stderr


def test_every_command_shows_an_example():
    for name in commands.group.commands:
        answer = looc(name, "--help")
        assert answer.exit_code == 0 and f"looc pipeline {name}" in answer.output


def test_help_brings_in_neither_tensorflow_nor_tfx():
    code = (
        "import sys; from click.testing import CliRunner; from looc_tf.cli import cli\n"
        "assert CliRunner().invoke(cli, ['pipeline', 'run', '--help']).exit_code == 0\n"
        "print(sorted({'tfx', 'tensorflow', 'ml_metadata', 'apache_beam'} & set(sys.modules)))"
    )
    start = time.monotonic()
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert answer.strip() == "[]" and time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--config", "factors/loc", "--root", "R"], ["There is no config 'factors/loc'", "'factors/looc'"]),
        (["run", "--config", "factors/looc", "--root", "R", "--set", "gate.floors.colour.hue=1"], ["'colour'"]),
        (["run", "--config", "factors/looc", "--root", "R", "--schema", "none.pbtxt"], ["none.pbtxt is none"]),
    ],
)
def test_mistakes_are_found_before_tfx_is_brought_in(arguments, words, monkeypatch):
    monkeypatch.setattr(commands, "_import_tfx", lambda *_: pytest.fail("TFX was imported"))
    one_line(looc(*arguments), *words)


def test_without_tfx_the_remedy_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(commands.importlib.util, "find_spec", lambda name: None)
    one_line(looc("run", "--config", "factors/looc", "--root", tmp_path / "R"), "needs tfx", "make setup-pipeline")
    one_line(looc("status", tmp_path), "needs ml_metadata")
    assert not (tmp_path / "R").exists()


def test_a_refused_model_ends_in_3(monkeypatch, tmp_path):
    pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")
    from pipeline.runners import local

    asked = {}

    def run_locally(experiment, data, root, **options):
        asked.update(options, data=data, name=experiment.name)
        return local.Done(blessed=False, lines=["not blessed, not pushed:", "  trunk.object fell"])

    monkeypatch.setattr(local, "run_locally", run_locally)
    result = looc("run", "--config", "factors/looc", "--data", "D", "--root", tmp_path, "--embed", "all")
    assert result.exit_code == 3 and "trunk.object fell" in result.output
    assert asked == {
        "data": "D", "name": "factors/looc", "embed": "all", "model_name": "looc", "schema": "", "warm_start": False
    }  # fmt: skip


def test_a_root_without_runs(tmp_path):
    pytest.importorskip("ml_metadata", reason="needs TFX: make setup-pipeline")
    one_line(looc("status", tmp_path), "Expected the root of a pipeline")
