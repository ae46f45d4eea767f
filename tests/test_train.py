"""Whole trainings of a tiny network: the run folder, resuming to the bit, stops, bad input."""

import contextlib
import csv
import dataclasses
import io
import json
import os
import re
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

import looc_tf
from looc_tf import optim
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.methods import Facts, build_plan
from looc_tf.run import compiled, load_run
from looc_tf.training import callbacks, fit, train
from looc_tf.views import training_batches


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tiny.draw(tmp_path_factory.mktemp("data") / "pictures")
    for number in range(4):  # at least one of them in the training part
        (folder / "bar" / f"broken-{number}.png").write_bytes(b"\x89PNG but not really")
    return folder


@pytest.fixture(scope="module")
def straight(pictures, tmp_path_factory):
    """A run of six steps that nothing has disturbed, and what it said on standard error."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        out = train(tiny.experiment(pictures), tmp_path_factory.mktemp("runs") / "straight")
    return out, said.getvalue()


def state(out, step=6):
    """Every tensor of a checkpoint: weights, key encoder, queues, optimizer, running means."""
    reader = tf.train.load_checkpoint(str(out / "checkpoints" / f"ckpt-{step}"))
    names = [name for name in reader.get_variable_to_shape_map() if not name.startswith("origin")]  # the config
    assert len(names) > 50 and any("queue" in name for name in names)
    return {name: reader.get_tensor(name) for name in names}


def assert_same_end(out, other):
    mine, its = state(out), state(other)
    assert mine.keys() == its.keys()
    for name, value in mine.items():
        np.testing.assert_array_equal(value, its[name], err_msg=name)
    assert (out / "history.csv").read_bytes() == (other / "history.csv").read_bytes()


def test_the_run_folder_says_what_it_is(straight, pictures):
    out, _ = straight
    assert load(out / "config.yaml") == tiny.experiment(pictures)
    about = json.loads((out / "run.json").read_text())
    assert {"version", "commit", "seed", "command", "python", "tensorflow", "machine", "devices", "started"} <= set(
        about
    )
    assert (about["steps"], about["classes"], about["version"]) == (6, 3, looc_tf.__version__)
    saved = sorted(path.name for path in (out / "checkpoints").glob("*.index"))
    assert saved[1:] == ["ckpt-3.index", "ckpt-6.index"] and saved[0] in ("best-4.index", "best-6.index")
    assert list((out / "logs").iterdir())


def test_the_log_begins_with_pictures_version_commit_and_config(straight, pictures):
    out, said = straight
    lines = said.splitlines()
    log = (out / "train.log").read_text()
    assert re.fullmatch(
        rf"{pictures}: \d+ training pictures \(3 classes: bar, disc, noise\), 4 validation, 7 test, 4 skipped "
        r"as broken so far \(validation and test pictures are looked at when they are read\)",
        lines[0],
    )
    assert lines[1].startswith(f"looc {looc_tf.__version__}, commit ")
    assert lines[3] == f"The whole config is in {out / 'config.yaml'}"
    assert "temperature: 0.2" in log and "temperature: 0.2" not in said
    assert log.index(", commit ") < log.index("temperature: 0.2") < log.index("step 2/6")
    assert (
        "step 4/6  loss " in said and "rotation" in said and "(chance 3.091, siblings " in said and "images/s" in said
    )
    assert re.search(r"looc: warning: \d pictures? skipped: bar/broken-\d\.png", said)
    assert "\x1b" not in said and "\r" not in said and "collapsed" not in said
    assert lines[-1] == f"Done: 6 steps in {out}"
    assert all(line.split(" ", 3)[-1] in (out / "train.log").read_text() for line in lines)


def test_history_holds_every_measure_of_every_space(straight):
    rows = list(csv.DictReader((straight[0] / "history.csv").open()))
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    measures = ("loss", "accuracy", "spread", "effective_rank", "chance_loss")
    assert {f"{space}/{one}" for space in ("all", "rotation") for one in measures} < set(rows[0])
    assert 1 < float(rows[-1]["rotation/effective_rank"]) <= 8
    assert 0 <= float(rows[-1]["rotation/sibling_accuracy"]) <= 1 and "all/sibling_accuracy" not in rows[0]
    assert float(rows[0]["all/chance_loss"]) == pytest.approx(np.log(21))
    assert float(rows[0]["rotation/chance_loss"]) == pytest.approx(np.log(22))  # one sibling
    assert [bool(row["knn"]) for row in rows] == [False, True, True]  # every 3 steps, on a row of the history
    assert float(rows[0]["learning_rate"]) > float(rows[-1]["learning_rate"]) > 0


def send(monkeypatch, number, step):
    """Makes the training receive a signal during a step."""

    class Sender(callbacks.StepCallback):
        def on_step(self, at, logs):
            if at == step:
                os.kill(os.getpid(), number)

    def with_sender(run, source, facts):
        return [Sender(run.start, facts.steps), *callbacks.standard_callbacks(run, source, facts)]

    monkeypatch.setattr(fit, "standard_callbacks", with_sender)


def test_stopped_twice_and_resumed_ends_in_the_same_bits(straight, pictures, tmp_path, monkeypatch, capsys):
    experiment, out = tiny.experiment(pictures), tmp_path / "run"
    for number, step in ((signal.SIGTERM, 1), (signal.SIGINT, 5)):  # both in the middle of a window of the history
        send(monkeypatch, number, step)
        with pytest.raises(SystemExit if number == signal.SIGTERM else KeyboardInterrupt) as stop:
            train(experiment, out, resume=step > 1)
        assert getattr(stop.value, "code", None) == (143 if number == signal.SIGTERM else None)
        assert (out / "checkpoints" / f"ckpt-{step}.index").exists()
        last = capsys.readouterr().err.splitlines()[-1]
        assert f"after step {step} of 6, saved" in last and last.endswith(
            f"looc train {out}/config.yaml --out {out} --resume"
        )
        monkeypatch.undo()
    train(experiment, out, resume=True)
    assert_same_end(out, straight[0])


def test_a_run_goes_on_with_its_pictures_in_another_place_and_with_no_others(straight, pictures, tmp_path, capsys):
    out, moved = shutil.copytree(straight[0], tmp_path / "run"), shutil.copytree(pictures, tmp_path / "moved")
    for path in (out / "checkpoints").glob("ckpt-6.*"):
        path.unlink()
    free = ("training.keep=3", "training.checkpoint_every=2", "evaluation.limit=9")
    train(tiny.experiment(moved, *free), out, resume=True)
    assert_same_end(out, straight[0])
    assert load(out / "config.yaml") == tiny.experiment(moved, *free)
    next(moved.glob("disc/*.png")).rename(moved / "bar" / "another.png")
    refused(r"was trained on other pictures: \d+ then, \d+ now", tiny.experiment(moved), out, resume=True)


def test_a_start_that_was_cut_off_can_be_made_again(pictures, tmp_path):
    for name in ("run.json", "train.log", ".config.yaml.looc-123"):
        (tmp_path / name).write_text("half")
    train(tiny.experiment(pictures, "training.steps=0"), tmp_path)
    assert load_run(tmp_path).step == 0 and not (tmp_path / ".config.yaml.looc-123").exists()


def test_a_training_that_failed_before_its_first_step_can_be_begun_again(pictures, tmp_path):
    """Its folder stood in the way: what nobody has begun, nobody thinks of resuming."""

    class Broken(tf.keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise UserError("mend me")

    case = tiny.experiment(pictures, "training.steps=1")
    with pytest.raises(UserError, match="mend me"):
        train(case, tmp_path / "run", callbacks=[Broken()])
    assert (tmp_path / "run" / "config.yaml").is_file()
    train(case, tmp_path / "run")
    assert load_run(tmp_path / "run").step == 1
    refused(r"is not empty: go on with --resume", case, tmp_path / "run")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("name: mine")
    refused(r"is not empty", case, tmp_path / "mine")  # nobody's run
    assert (tmp_path / "mine" / "config.yaml").read_text() == "name: mine"


def test_a_run_finds_its_pictures_from_any_folder(pictures, tmp_path, monkeypatch):
    shutil.copytree(pictures, tmp_path / "my photos")
    monkeypatch.chdir(tmp_path)
    train(tiny.experiment("my photos", "training.steps=0"), "run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_run("../run").experiment.data.name == str(tmp_path / "my photos")
    shutil.copytree(pictures, "my photos")
    assert load_run("../run").experiment.data.name == "my photos"  # what the config names comes first


def test_a_hidden_file_of_the_users_is_no_leftover_of_a_run(pictures, tmp_path):
    (tmp_path / ".notes.1").write_text("mine")
    refused("exists and is not empty", tiny.experiment(pictures, "training.steps=0"), tmp_path)
    assert (tmp_path / ".notes.1").read_text() == "mine"


def test_a_run_folder_with_a_link_is_not_resumed(straight, pictures, tmp_path):
    out = shutil.copytree(straight[0], tmp_path / "run")
    (out / "history.csv").unlink()
    (out / "history.csv").symlink_to(tmp_path / "elsewhere")
    refused(r"history\.csv is a link\.", tiny.experiment(pictures), out, resume=True)


def test_the_best_checkpoint_is_loaded_by_name(straight):
    best = load_run(straight[0], "best")
    with (straight[0] / "history.csv").open() as file:
        readings = {int(row["step"]): float(row["knn"]) for row in csv.DictReader(file) if row["knn"]}
    assert best.step == max(readings, key=readings.get)
    assert load_run(straight[0], "3").step == 3


def test_a_truncated_checkpoint_falls_back_to_the_one_before(straight, pictures, tmp_path, capsys):
    out = shutil.copytree(straight[0], tmp_path / "run")
    (out / "checkpoints" / "ckpt-9_temp").mkdir()
    data = out / "checkpoints" / "ckpt-6.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    assert load_run(out).step == 3
    train(tiny.experiment(pictures), out, resume=True)
    assert "The checkpoint of step 6" in capsys.readouterr().err
    assert_same_end(out, straight[0])
    assert not (out / "checkpoints" / "ckpt-9_temp").exists()


def test_checkpoints_that_cannot_be_read(straight, tmp_path):
    out = shutil.copytree(straight[0], tmp_path / "run")
    for number, path in enumerate(sorted((out / "checkpoints").glob("ckpt-*.index"))):
        path.write_bytes(path.read_bytes()[: 40 * number])
    with pytest.raises(
        UserError, match=r"None of the checkpoints in .* can be read \(step 6: .*; step 3: .*\)\. They are left as they"
    ):
        load_run(out)


def test_a_finished_run_is_left_as_it_is(straight, pictures, capsys):
    out, _ = straight
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != "train.log"}
    same = dataclasses.replace(tiny.experiment(pictures), about="in other words")
    assert train(same, out, resume=True) == out
    assert "Done: 6 steps" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file() and path.name != "train.log"}


def test_ten_plain_lines_give_the_weights_of_looc_train(straight, pictures):
    experiment = tiny.experiment(pictures)
    source = looc_tf.open_source(pictures, size=experiment.data.size)
    method = looc_tf.build_method(experiment)
    method.compile(optimizer=optim.build(experiment.optimizer, steps=6))
    method.fit(training_batches(source, build_plan(experiment), batch=8, steps=6), verbose=0)
    trained = load_run(straight[0]).method
    for part in (lambda one: one.encoder, lambda one: one.key_encoder, lambda one: one.spaces["rotation"]):
        for mine, its in zip(part(method).weights, part(trained).weights):
            np.testing.assert_array_equal(mine, its, err_msg=mine.name)
    assert method.predict(np.zeros([2, 16, 16, 3], np.float32), verbose=0)["rotation"].shape == (2, 8)


def test_a_run_that_diverges_keeps_its_last_good_checkpoint(pictures, tmp_path):
    wild = tiny.experiment(
        pictures, "optimizer.learning_rate=1e12", "optimizer.schedule=constant", "optimizer.warmup_steps=1000000",
        "optimizer.weight_decay=1e6", "training.steps=40", "training.log_every=20", "training.checkpoint_every=1",
        "training.monitor_every=0",
    )  # fmt: skip
    with pytest.raises(UserError, match=r"Stopped at step \d+: .*not finite.* is kept"):
        train(wild, tmp_path / "run")
    assert all(np.isfinite(value).all() for value in load_run(tmp_path / "run").method.get_weights())


def test_an_encoder_that_gives_one_point_sets_off_the_alarm(pictures, caplog):
    experiment = tiny.experiment(pictures, "optimizer.learning_rate=1e-9")
    method = compiled(experiment, Facts(classes=3, steps=3))
    for encoder in (method.encoder, method.key_encoder):
        kernel, bias = encoder.heads["rotation"].layers[1].weights
        kernel.assign(tf.zeros_like(kernel))
        bias.assign(tf.ones_like(bias))
    source = looc_tf.open_source(pictures, size=16)
    watching = [callbacks.SpaceMeasures(0, 3), callbacks.CollapseAlarm(0, 3, 1, grace=2)]
    method.fit(training_batches(source, build_plan(experiment), batch=8, steps=3), verbose=0, callbacks=watching)
    (message,) = [record.getMessage() for record in caplog.records if "collapsed" in record.getMessage()]
    assert "Step 2: space 'rotation' has collapsed" in message


def refused(match, *args, **options):
    with pytest.raises(UserError, match=match) as refusal:
        train(*args, **options)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_exists_is_not_overwritten(straight, pictures, tmp_path):
    refused(
        r"is not empty: go on with --resume .*, or choose another --out",
        tiny.experiment(pictures),
        straight[0],
    )
    (tmp_path / "mine.txt").write_text("mine")
    refused(r"exists and is not empty: choose another --out", tiny.experiment(pictures), tmp_path)


def test_an_out_that_cannot_be_made(pictures, tmp_path):
    (tmp_path / "file").write_text("")
    refused(r"Expected a folder for the run\. .*file", tiny.experiment(pictures), tmp_path / "file" / "run")


def test_resuming_another_config_names_the_differences(straight, pictures, tmp_path):
    other = tiny.experiment(pictures, "training.steps=7", "method.spaces.1.temperature=0.5")
    changes = r"method\.spaces\.1\.temperature was 0\.2, is 0\.5; training\.steps was 6, is 7"
    refused(rf"another config: {changes}\. Choose", other, straight[0], resume=True)
    refused(r"Nothing to resume: .* is not a run folder", tiny.experiment(pictures), tmp_path, resume=True)


@pytest.mark.parametrize("count", [1, 5])
def test_fewer_pictures_than_a_batch(tmp_path, count):
    folder = tiny.draw(tmp_path / "few", classes=("bar",), each=count)
    refused(
        r"training\.batch is 8, and .* has \d training pictures?\. Lower training\.batch",
        tiny.experiment(folder),
        tmp_path / "run",
    )
    assert not (tmp_path / "run").exists()


def test_supervised_needs_labels(tmp_path):
    flat = tiny.draw(tmp_path / "flat")
    for path in flat.glob("*/*.png"):
        path.rename(flat / f"{path.parent.name}-{path.name}")
    for empty in ("bar", "disc", "noise"):
        (flat / empty).rmdir()
    refused(r"'supervised' needs labels", tiny.experiment(flat, "method.name=supervised"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_queue_smaller_than_a_batch(pictures):
    with pytest.raises(UserError, match=r"queue of 4 rows, smaller than the batch of 8"):
        tiny.experiment(pictures, "method.spaces.0.queue=4")


@pytest.mark.parametrize("schedule", ["cosine", "step", "constant"])
def test_no_steps_keep_the_random_weights(pictures, tmp_path, schedule):
    experiment = tiny.experiment(pictures, "training.steps=0", f"optimizer.schedule={schedule}")
    out = train(experiment, tmp_path / "run")
    train(experiment, out, resume=True)
    run, fresh = load_run(out), compiled(experiment, Facts(classes=3, steps=0))
    assert run.step == run.steps == 0
    for name in ("encoder", "key_encoder"):
        for kept, drawn in zip(getattr(run.method, name).variables, getattr(fresh, name).variables):
            np.testing.assert_array_equal(kept, drawn)


def test_supervised_trains_and_logs_its_accuracy(pictures, tmp_path):
    out = train(tiny.experiment(pictures, "method.name=supervised", "training.steps=2"), tmp_path / "run")
    (row,) = csv.DictReader((out / "history.csv").open())
    assert 0 <= float(row["accuracy"]) <= 1 and row["knn"]
    run = load_run(out)
    assert run.step == run.steps == 2 and run.method.classifier.units == 3


@pytest.mark.parametrize("content", [None, "not json", "[]", '{"steps": 6}', '{"steps": "many", "classes": 3}'])
def test_a_broken_run_json(straight, tmp_path, content):
    shutil.copy(straight[0] / "config.yaml", tmp_path)
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=r"Expected .*run\.json as training wrote it"):
        load_run(tmp_path)


def test_a_folder_that_is_no_run(straight, tmp_path):
    with pytest.raises(UserError, match=r"Expected the folder of a run, with a config\.yaml"):
        load_run(tmp_path)
    for name in ("config.yaml", "run.json"):
        shutil.copy(straight[0] / name, tmp_path)
    with pytest.raises(UserError, match=r"holds no checkpoint yet\. Go on with: looc train .*--resume"):
        load_run(tmp_path)


def test_a_run_may_begin_with_the_weights_of_another_that_fits(straight, pictures, tmp_path):
    wider = tiny.experiment(pictures, "model.width=8", "training.steps=2")
    refused("has another shape than this experiment's", wider, tmp_path / "wide", warm=straight[0])
    assert not (tmp_path / "wide").exists()
    warmed = train(tiny.experiment(pictures, "seed=5", "training.steps=0"), tmp_path / "warm", warm=straight[0])
    for mine, its in zip(load_run(warmed).method.encoder.weights, load_run(straight[0]).method.encoder.weights):
        np.testing.assert_array_equal(mine, its, err_msg=mine.name)
    assert json.loads((warmed / "run.json").read_text())["warm"] == str(straight[0].absolute())
