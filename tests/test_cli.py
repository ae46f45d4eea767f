"""The command line: what it says to mistakes, and with which exit code."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import looc_tf
from looc_tf import config
from looc_tf.cli import cli
from looc_tf.errors import UserError
from looc_tf.evaluate import write_results


@pytest.fixture
def looc():
    """Calls the command line in this process."""

    def run(*arguments):
        return CliRunner().invoke(cli, list(arguments), prog_name="looc")

    return run


@pytest.fixture
def failing(monkeypatch):
    """Lets every evaluation end in the given exception."""

    def fail(error):
        def evaluate_run(run, data=None, checkpoint="last", labels=None, tell=None, more=(), overrides=()):
            raise error

        monkeypatch.setattr("looc_tf.report.evaluate_run", evaluate_run)

    return fail


def assert_one_line(result, *words, code=2):
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("looc: error: ") and result.stderr.count("\n") == 1, result.stderr
    assert all(word in result.stderr for word in words), result.stderr


def test_help_of_every_command_shows_an_example(looc):
    overview = looc("--help")
    assert overview.exit_code == 0
    for name in cli.commands:
        assert name in overview.output
        answer = looc(name, "--help")
        assert answer.exit_code == 0 and f"looc {name}" in answer.output.split("Options")[0].split("\n", 1)[1]


def test_no_short_help_is_cut_off(looc):
    assert "..." not in looc("--help").output.split("Commands:")[1]


def test_version(looc):
    assert looc_tf.__version__ in looc("--version").output


def test_configs_lists_them_all_with_a_short_line(looc):
    lines = looc("configs").output.splitlines()
    assert [line.split()[0] for line in lines] == config.names()
    assert max(map(len, lines)) <= 140 and all(len(line.split()) > 2 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cifar10/looc-rotatoin"], ["There is no config", "Did you mean 'cifar10/looc-rotation'?"]),
        (["missing.yaml"], ["There is no config 'missing.yaml'"]),
        (["factors/looc", "--set", "method.spaces.1.temprature=1"], ["'method.spaces.1.temprature'", "'temperature'"]),
        (["factors/looc", "--set", "training.steps"], ["expected field=value"]),
        (["factors/looc", "--set", "method.spaces.1.queue=8"], ["a queue of 8 rows, smaller than the batch"]),
        (["factors/looc", "--set", "method.spaces.1.shares=[colour]"], ["shares 'colour'", "Did you mean 'color'?"]),
    ],
)
def test_a_mistake_in_the_config_is_one_line_before_anything_is_written(looc, arguments, words, tmp_path):
    out = tmp_path / "run"
    assert_one_line(looc("train", *arguments, "--out", str(out)), *words)
    assert not out.exists()


def test_data_and_seed_replace_the_configs(looc, monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(
        "looc_tf.training.train", lambda experiment, out, resume, warm: seen.update(e=experiment, r=resume) or out
    )
    result = looc("train", "factors/looc", "--data", "a=b/${c}", "--seed", "7", "--out", str(tmp_path), "--resume")
    assert result.exit_code == 0, result.output
    assert (seen["e"].data.name, seen["e"].seed, seen["r"]) == ("a=b/${c}", 7, True)


@pytest.mark.parametrize("seed", ["-1", "x"])
def test_a_seed_that_is_none(looc, seed):
    result = looc("train", "factors/looc", "--seed", seed, "--out", "x")
    assert result.exit_code == 2 and "--seed" in result.stderr


def test_a_users_mistake_is_one_line_even_when_its_message_has_two(looc, failing):
    failing(UserError("First.\nSecond."))
    assert_one_line(looc("evaluate", "run"), "First. Second.")


def test_a_full_disk_is_one_line(looc, failing):
    failing(OSError(errno.ENOSPC, "No space left on device", "runs/x"))
    assert_one_line(looc("evaluate", "run"), "No space left on device: runs/x")


def test_tensorflows_full_disk_is_one_line(looc, failing):
    import tensorflow as tf

    failing(tf.errors.ResourceExhaustedError(None, None, "runs/x; No space left on device\nstack"))
    assert_one_line(looc("evaluate", "run"), "No space left on device")


def test_a_bug_keeps_its_traceback(looc, failing):
    failing(ZeroDivisionError())
    assert isinstance(looc("evaluate", "run").exception, ZeroDivisionError)


def test_an_interrupt_exits_with_130(looc, failing):
    failing(KeyboardInterrupt())
    result = looc("evaluate", "run")
    assert result.exit_code == 130 and "interrupted" in result.stderr


@pytest.mark.parametrize("command", [["evaluate"], ["export", "--out", "out"]])
def test_a_run_that_does_not_exist(looc, command, tmp_path):
    assert_one_line(looc(command[0], str(tmp_path / "nothing"), *command[1:]), "nothing")


def test_a_picture_that_does_not_exist_or_is_none(looc, tmp_path):
    out = tmp_path / "views.png"
    assert_one_line(looc("views", "factors/looc", str(tmp_path / "cat.png"), "-o", str(out)), "cat.png")
    (tmp_path / "cat.png").write_text("no picture")
    assert_one_line(
        looc("views", "factors/looc", str(tmp_path / "cat.png"), "-o", str(out)), "cat.png", "cannot be drawn"
    )
    assert not out.exists()


def test_views_are_drawn(looc, tmp_path):
    from PIL import Image

    Image.new("RGB", (40, 30), "red").save(tmp_path / "cat.png")
    result = looc("views", "factors/looc", str(tmp_path / "cat.png"), "-o", str(tmp_path / "views.png"), "--rows", "2")
    assert result.exit_code == 0, result.output
    assert Image.open(tmp_path / "views.png").width > 4 * 32


def test_a_real_process_exits_with_2_and_one_line():
    code = "from looc_tf.cli import main; main()"
    answer = subprocess.run(
        [sys.executable, "-c", code, "train", "factors/loc", "--out", "x"], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("looc: error: There is no config 'factors/loc'. Did you mean 'factors/looc'?")
    assert answer.stderr.count("\n") == 1


def test_compare_prints_the_means_and_draws_them(looc, tmp_path):
    runs = [str(tmp_path / f"run-{seed}") for seed in (0, 1)]
    for seed, run in enumerate(runs):
        Path(run).mkdir()
        keys = {"run": run, "method": "looc", "seed": seed, "representation": "trunk"}
        write_results(Path(run, "results.json"), [{**keys, "probe": "hue", "value": 60.0 + seed}])
    answer = looc("compare", *runs, "--markdown", "-o", str(tmp_path / "means.svg"))
    assert answer.exit_code == 0 and "| looc | trunk | **60.5 ± 6.4** |" in answer.stdout
    assert (tmp_path / "means.svg").read_bytes().startswith(b"<?xml")
    assert_one_line(looc("compare", *runs, "--minus", "mocko"), "mocko/trunk", "looc/trunk")
    assert_one_line(looc("compare", *runs, "-o", str(tmp_path / "means.doc")), "means.doc")
    assert_one_line(looc("compare", str(tmp_path)), "looc evaluate")
