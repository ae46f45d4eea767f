"""A user's own part in a training: callbacks, pictures that are open, the weights of another run, the stop button."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import tiny, trained
from tensorflow import keras

import looc_tf
from looc_tf import config
from looc_tf.cli import cli
from looc_tf.errors import UserError
from looc_tf.run import load_run
from looc_tf.training import train


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tiny.draw(tmp_path_factory.mktemp("data") / "pictures")


def experiment(pictures, *overrides):
    return tiny.experiment(pictures, "model.backbone=plain6", "training.monitor_every=0", *overrides)


@pytest.fixture(scope="module")
def straight(pictures, tmp_path_factory):
    return train(experiment(pictures), tmp_path_factory.mktemp("runs") / "straight")


class Watch(keras.callbacks.Callback):
    """Remembers what it sees, and stops after a step."""

    def __init__(self, stop_after=0):
        super().__init__()
        self.stop_after, self.seen, self.ended = stop_after, [], 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(dict(logs))
        if len(self.seen) == self.stop_after:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.ended += 1


def test_own_callbacks_see_every_measure_and_change_nothing(straight, pictures, tmp_path):
    watch = Watch()
    out = train(experiment(pictures), tmp_path / "run", callbacks=[watch])
    assert len(watch.seen) == 6 and watch.ended == 1
    assert {"loss", "all/spread", "all/effective_rank", "rotation/chance_loss"} <= set(watch.seen[1])
    trained.assert_same_end(out, straight, step=6)


def test_a_callback_may_stop_early_and_the_run_can_be_gone_on_with(straight, pictures, tmp_path, capsys):
    out = train(experiment(pictures), tmp_path / "run", callbacks=[Watch(stop_after=4)])
    said = capsys.readouterr().err
    assert f"Stopped by a callback after step 4 of 6, saved. Go on with: looc train {out}/config.yaml" in said
    assert "Done:" not in said and load_run(out).step == 4
    train(experiment(pictures), out, resume=True, callbacks=[Watch()])
    assert "Done: 6 steps" in capsys.readouterr().err
    trained.assert_same_end(out, straight, step=6)


def test_a_callback_that_stops_at_the_last_step_stops_nothing(pictures, tmp_path, capsys):
    train(experiment(pictures, "training.steps=1"), tmp_path / "run", callbacks=[Watch(stop_after=1)])
    said = capsys.readouterr().err
    assert "Done: 1 steps" in said and "Stopped" not in said


def test_what_is_no_callback_is_refused(pictures, tmp_path):
    with pytest.raises(UserError, match=r"^Expected Keras callbacks\. Received function\. .*LambdaCallback"):
        train(experiment(pictures), tmp_path / "run", callbacks=[lambda *_: None])


def test_pictures_that_are_open_take_the_place_of_those_that_the_config_names(straight, pictures, tmp_path):
    source = looc_tf.open_source(pictures, "train", size=16)
    elsewhere = experiment("nothing there", "training.monitor_every=3")
    out = train(elsewhere, tmp_path / "run", source=source, callbacks=[Watch(stop_after=2)])
    train(elsewhere, out, resume=True, source=source)
    own = json.loads((out / "run.json").read_text()), json.loads((straight / "run.json").read_text())
    assert own[0]["pictures_sha256"] == own[1]["pictures_sha256"]
    for mine, its in zip(load_run(out).method.get_weights(), load_run(straight).method.get_weights()):
        np.testing.assert_array_equal(mine, its)
    assert load_run(out).experiment.data.name == str(pictures)
    assert "No kNN monitor: of pictures that were given as an open source" in (out / "train.log").read_text()


def test_a_run_is_gone_on_with_no_other_open_pictures(pictures, tmp_path):
    source = looc_tf.open_source(pictures, "train", size=16)
    out = train(experiment(pictures, "training.steps=0"), tmp_path / "run", source=source)
    fewer = looc_tf.open_source(pictures, "train", size=16, limit=20)
    with pytest.raises(UserError, match=r"was trained on other pictures: \d+ then, 20 now"):
        train(experiment(pictures, "training.steps=0"), out, resume=True, source=fewer)
    with pytest.raises(UserError, match=r"held at data\.size of 16 px\. Received a source of 24 px"):
        train(experiment(pictures), tmp_path / "x", source=looc_tf.open_source(pictures, size=24))


def looc(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="looc")


@pytest.fixture
def written(pictures, tmp_path):
    (tmp_path / "tiny.yaml").write_text(config.to_yaml(experiment(pictures)))
    return tmp_path / "tiny.yaml"


def test_a_run_is_trained_on_for_longer_from_its_weights(straight, written, tmp_path):
    answer = looc("train", written, "--warm", straight, "--out", tmp_path / "new", "--set", "training.steps=0")
    assert answer.exit_code == 0, answer.stderr
    run = load_run(tmp_path / "new")
    for mine, its in zip(run.method.encoder.get_weights(), load_run(straight).method.encoder.get_weights()):
        np.testing.assert_array_equal(mine, its)
    assert json.loads((tmp_path / "new" / "run.json").read_text())["warm"] == str(straight)


def test_who_resumes_for_longer_is_told_how(straight, written):
    answer = looc("train", written, "--resume", "--out", straight, "--set", "training.steps=12")
    assert answer.exit_code == 2 and "training.steps was 6, is 12" in answer.stderr
    assert answer.stderr.endswith(f"To train on for longer: looc train CONFIG --warm {straight} --out NEW.\n")
    answer = looc("train", written, "--resume", "--out", straight, "--set", "optimizer.momentum=0.5")
    assert answer.exit_code == 2 and "--warm" not in answer.stderr


@pytest.mark.parametrize("old", ["nothing", "."])
def test_warm_of_what_is_no_run(old, written, tmp_path):
    answer = looc("train", written, "--warm", tmp_path / old, "--out", tmp_path / "new")
    assert answer.exit_code == 2 and "Expected the checkpoint of an earlier run" in answer.stderr
    assert answer.stderr.count("looc: error") == 1 and not (tmp_path / "new").exists()


class Press(keras.callbacks.Callback):
    """Sends a signal during the second step."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 1:
            os.kill(os.getpid(), self.number)


def test_the_stop_button_of_a_notebook_ends_a_sweep_and_nothing_is_lost(pictures, tmp_path):
    """`except KeyboardInterrupt` catches it, `except Exception` does not."""
    done = []
    with pytest.raises(KeyboardInterrupt, match="Stopped by SIGINT after step 2 of 6, saved"):
        for seed in (0, 1):
            try:
                train(experiment(pictures), tmp_path / str(seed), callbacks=[Press(signal.SIGINT)])
            except Exception:
                done.append(seed)
    assert not done and not (tmp_path / "1").exists() and load_run(tmp_path / "0").step == 2


CODE = """
import os, signal, sys
from looc_tf.training import callbacks, fit

class Press(callbacks.StepCallback):
    def on_step(self, step, logs):
        if step == 2:
            os.kill(os.getpid(), int(sys.argv.pop()))

standard = fit.standard_callbacks
fit.standard_callbacks = lambda run, source, facts: [Press(0, facts.steps), *standard(run, source, facts)]
from looc_tf.cli import cli
cli(sys.argv[1:-1], prog_name="looc")
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_line_leaves_with_the_shells_own_code(number, code, written, tmp_path):
    command = [sys.executable, "-c", CODE, "train", written, "--out", tmp_path / "run", int(number)]
    ended = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr and "looc: interrupted" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith(f"looc: warning: Stopped by {number.name} after step 2 of 6, saved")


def test_a_copy_of_a_run_that_was_stopped_says_where_it_is(pictures, tmp_path):
    out = train(experiment(pictures), tmp_path / "run", callbacks=[Watch(stop_after=1)])
    moved = shutil.copytree(out, tmp_path / "a b")
    assert load_run(moved).step == 1
