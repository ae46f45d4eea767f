"""`looc pipeline`: how `looc` finds it, what it says before TFX is brought in, and its exit codes."""

import subprocess
import sys
import time
import types

import pytest
from click.testing import CliRunner

from looc_tf import plugins
from looc_tf.cli import cli
from pipeline import commands


def looc(*arguments):
    return CliRunner().invoke(cli, ["pipeline", *map(str, arguments)], prog_name="looc")


def one_line(result, *words, code=2):
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("looc: error: ") and result.stderr.count("\n") == 1, result.stderr
    assert all(word in result.stderr for word in words), result.stderr


def test_looc_offers_the_group_in_its_own_words():
    shown = CliRunner().invoke(cli, ["--help"]).output
    assert f"pipeline {commands.group.get_short_help_str(80)}" in " ".join(shown.split())
    assert "looc pipeline run --config" in looc("--help").output


def test_other_commands_do_without_the_package():
    code = (
        "import sys; from click.testing import CliRunner; from looc_tf.cli import cli\n"
        "assert CliRunner().invoke(cli, ['configs']).exit_code == 0\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'pipeline'])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("there", [None, types.ModuleType("pipeline")], ids=["nothing", "somebody else's"])
def test_without_the_package_one_line_says_so(there, monkeypatch):
    for name in ("pipeline", "pipeline.commands"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pipeline", there)
    assert "(not installed: pipeline.commands was not found)" in CliRunner().invoke(cli, ["--help"]).output
    for arguments in (["run", "--config", "factors/looc", "--root", "R"], ["--help"], []):
        one_line(looc(*arguments), "comes with looc_tf", 'pip install "CLONE[pipeline]"')


def test_a_broken_package_is_not_taken_for_a_missing_one(monkeypatch, tmp_path):
    (tmp_path / "lacking.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(plugins.COMMANDS, "lacking", "lacking:group")
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        plugins.find("lacking")


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
        return local.Outcome(blessed=False, messages=["not blessed, not pushed:", "  trunk.object fell"])

    monkeypatch.setattr(local, "run_locally", run_locally)
    result = looc("run", "--config", "factors/looc", "--data", "D", "--root", tmp_path, "--embed", "all")
    assert result.exit_code == 3 and "trunk.object fell" in result.output
    assert asked == {
        "data": "D", "name": "factors/looc", "embed": "all", "model_name": "looc", "schema": "", "warm_start": False
    }  # fmt: skip


def test_a_root_without_runs(tmp_path):
    pytest.importorskip("ml_metadata", reason="needs TFX: make setup-pipeline")
    one_line(looc("status", tmp_path), "Expected the root of a pipeline")
