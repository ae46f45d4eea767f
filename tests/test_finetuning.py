"""`looc finetune` from a run to an export: what it begins with, when it ends, which weights stay, what it says."""

import csv
import gc
import io
import json
import logging

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from helpers import tiny, trained
from tensorflow import keras

from looc_tf.cli import cli
from looc_tf.errors import UserError
from looc_tf.run import folder, load_run
from looc_tf.training import callbacks, finetune, fit, train
from looc_tf.training.finetune import finetuning

QUICK = ("training.batch=8", "training.log_every=2", "training.monitor_every=2", "training.checkpoint_every=3")
SHORT = (*QUICK, "training.steps=8", "optimizer.warmup_steps=0")
STILL = ("optimizer.learning_rate=1e-12", "method.trunk_rate=0", "method.patience=2", "training.steps=20")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Pictures, and a run on them to begin with."""
    place = tmp_path_factory.mktemp("place")
    tiny.draw(place / "pictures", each=30)
    train(tiny.experiment(place / "pictures", "name=tiny/begun"), place / "begun")
    return place


@pytest.fixture(scope="module")
def tuned(place):
    """A run that is fine-tuned on half of the labels."""
    return finetune(place / "begun", place / "tuned", fraction=0.5, overrides=SHORT)


def looc(*arguments):
    wide = {"COLUMNS": "200"}  # or a table breaks its words
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="looc", env=wide)


def measured(out):
    return {int(row["step"]): float(row["validation"]) for row in csv.DictReader((out / "history.csv").open())}


def test_it_begins_with_the_trunk_of_the_run_and_a_new_classifier(place, tmp_path):
    fresh = finetune(place / "begun", tmp_path / "fresh", overrides=(*QUICK, "training.steps=0"))
    for mine, its in zip(load_run(fresh).method.encoder.weights, load_run(place / "begun").method.encoder.weights):
        np.testing.assert_array_equal(mine, its, err_msg=mine.name)
    assert json.loads((fresh / "run.json").read_text())["warm"] == str((place / "begun").absolute())


def test_a_run_that_began_with_weights_is_begun_with_itself(place, tmp_path):
    few = ("training.steps=1", "training.monitor_every=0")
    train(tiny.experiment(place / "pictures", f"model.weights={place / 'begun'}", *few), tmp_path / "taken")
    assert finetuning(tmp_path / "taken").model.weights is None
    out = finetune(tmp_path / "taken", tmp_path / "named", overrides=(*QUICK, "training.steps=0"))
    for mine, its in zip(load_run(out).method.encoder.weights, load_run(tmp_path / "taken").method.encoder.weights):
        np.testing.assert_array_equal(mine, its, err_msg=mine.name)


@pytest.mark.parametrize("file", ["final.keras", "saved_model"])
def test_its_network_is_a_model_of_keras(tuned, tmp_path, file):
    final = load_run(tuned).method.final
    final.save(tmp_path / file)
    images = tf.random.stateless_uniform([3, 16, 16, 3], seed=(0, 1))
    for name, rows in keras.models.load_model(tmp_path / file)(images).items():
        np.testing.assert_array_equal(rows, final(images)[name], err_msg=name)


def test_a_warm_start_from_it_is_refused_in_one_line_that_names_the_way(place, tuned, tmp_path, capfd):
    """Its network has no heads and no slow copy; its trunk is taken by `model.weights`."""
    said = logging.StreamHandler(stream := io.StringIO())
    logging.getLogger("tensorflow").addHandler(said)
    try:
        with pytest.raises(UserError) as error:
            train(tiny.experiment(place / "pictures"), tmp_path / "run" / "deep", warm=tuned)
        gc.collect()
    finally:
        logging.getLogger("tensorflow").removeHandler(said)
    message = str(error.value)
    assert (
        message.startswith(f"{tuned} holds no key_encoder, heads/all, heads/rotation, which a warm")
        and "\n" not in message
    )
    assert message.endswith(f"To begin with its trunk alone, set model.weights={tuned} instead.")
    assert "could not be found" not in stream.getvalue() + capfd.readouterr().err
    assert not (tmp_path / "run").exists(), "nothing is left"
    taken = tiny.experiment(
        place / "pictures", f"model.weights={tuned}", "training.steps=0", "training.monitor_every=0"
    )
    mine, its = load_run(train(taken, tmp_path / "taken")).method.encoder, load_run(tuned).method.encoder
    images = tf.random.stateless_uniform([3, 16, 16, 3], seed=(0, 1))
    np.testing.assert_array_equal(mine(images)["trunk"], its(images)["trunk"])


def test_it_says_how_many_labels_it_has(tuned):
    about = json.loads((tuned / "run.json").read_text())
    assert about["pictures"] < 40 and about["classes"] == 3 and about["class_names"] == ["bar", "disc", "noise"]
    assert f"Training on {about['pictures']} of " in (tuned / "train.log").read_text()
    assert load_run(tuned).experiment.name == "tiny/begun-finetune-50%"


def test_it_ends_with_the_weights_of_the_best_reading(tuned):
    readings = measured(tuned)
    best = max(readings, key=readings.get)  # of equals the first
    assert sorted(readings) == [2, 4, 6, 8]
    assert trained.checkpoints(tuned)[0] == f"best-{best}" and "ckpt-8" in trained.checkpoints(tuned)
    last, kept = (trained.tensors(tuned / "checkpoints" / name) for name in ("ckpt-8", f"best-{best}"))
    assert all(np.array_equal(last[name], kept[name]) for name in kept if not name.startswith("origin"))
    assert f"The weights of step {best} are kept" in (tuned / "train.log").read_text()


def test_it_ends_early_when_nothing_becomes_better(place, tmp_path):
    out = finetune(place / "begun", tmp_path / "still", overrides=(*SHORT, *STILL))
    assert sorted(measured(out)) == [2, 4, 6]
    assert load_run(out).step == 20, "done, whatever step it ended at"
    before = trained.tensors(out / "checkpoints" / "ckpt-20")
    finetune(place / "begun", out, overrides=(*SHORT, *STILL), resume=True)
    after = trained.tensors(out / "checkpoints" / "ckpt-20")
    assert sorted(measured(out)) == [2, 4, 6] and all(np.array_equal(before[name], after[name]) for name in before)


class Killed(Exception):
    pass


class Kill(callbacks.StepCallback):
    """Ends a training behind everything that a step does."""

    def on_step(self, step, logs):
        raise Killed


def assert_same(out, other, *names):
    for name in names:
        mine, its = (trained.tensors(run / "checkpoints" / name) for run in (out, other))
        assert mine.keys() == its.keys() and all(np.array_equal(mine[key], its[key]) for key in mine), name
    assert (out / "history.csv").read_bytes() == (other / "history.csv").read_bytes()
    assert [name for name in trained.checkpoints(out) if name.startswith("best")] == [
        name for name in trained.checkpoints(other) if name.startswith("best")
    ]


@pytest.mark.parametrize("step", [4, 7])
def test_killed_and_resumed_it_ends_in_the_same_bits(place, tuned, tmp_path, step, monkeypatch):
    standard = fit.standard_callbacks
    with monkeypatch.context() as patch:
        patch.setattr(fit, "standard_callbacks", lambda *facts: [*standard(*facts), Kill(0, 8, step)])
        with pytest.raises(Killed):
            finetune(place / "begun", tmp_path / "run", fraction=0.5, overrides=SHORT)
    finetune(place / "begun", tmp_path / "run", fraction=0.5, overrides=SHORT, resume=True)
    assert_same(tmp_path / "run", tuned, "ckpt-8")


@pytest.mark.parametrize("more", [(), STILL], ids=["all steps", "ended early"])
def test_killed_before_the_best_weights_are_saved_it_is_no_other(place, tmp_path, more, monkeypatch):
    settings = (*SHORT, *more, "training.checkpoint_every=2")  # so that a checkpoint falls on the step that ends it
    straight = finetune(place / "begun", tmp_path / "straight", overrides=settings)
    with monkeypatch.context() as patch:
        patch.setattr(folder.RunFolder, "end", lambda *facts: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            finetune(place / "begun", tmp_path / "run", overrides=settings)
    finetune(place / "begun", tmp_path / "run", overrides=settings, resume=True)
    assert_same(tmp_path / "run", straight, f"ckpt-{20 if more else 8}")


def test_the_command_says_what_came_of_it_and_what_to_do_next(place):
    answer = looc("finetune", place / "begun", "--out", place / "said", *(f"--set={each}" for each in SHORT))
    assert answer.exit_code == 0, answer.stderr
    assert "labels: validation " in answer.stdout and "balanced over the classes" in answer.stdout
    assert "chance 33.3 %" in answer.stdout and f"looc export {place / 'said'}" in answer.stdout
    (record,) = json.loads((place / "said" / "results.json").read_text())
    assert (record["representation"], record["probe"]) == ("probabilities", "object")
    assert f"test {record['value']:.1f} %, balanced over the classes {record['balanced']:.1f} %" in answer.stdout
    assert " test pictures (95 % interval of the first " in answer.stdout
    evaluated = looc("evaluate", place / "said")
    assert evaluated.exit_code == 0 and "probabilities" in evaluated.stdout
    again = json.loads((place / "said" / "results.json").read_text())
    assert again[-1] == record and {"trunk"} == {each["representation"] for each in again[:-1]}


def test_an_export_gives_probabilities_and_says_of_what(tuned, place):
    assert looc("export", tuned, "--out", place / "exports").exit_code == 0
    about = json.loads((place / "exports" / "1" / "assets.extra" / "looc.json").read_text())
    assert about["classes"] == ["bar", "disc", "noise"]
    assert about["representations"] == {"trunk": 32, "probabilities": 3}
    assert looc("embed", place / "exports", place / "pictures", "-o", place / "named.npz").exit_code == 0
    with np.load(place / "named.npz") as rows:
        np.testing.assert_allclose(rows["probabilities"].sum(axis=1), 1, atol=1e-5)
        images = tf.io.decode_png((place / "pictures" / str(rows["id"][0])).read_bytes(), channels=3)[None]
        expected = load_run(tuned).embedder.images(images)["probabilities"]
        np.testing.assert_allclose(rows["probabilities"][:1], expected, atol=1e-5)


def test_classes_are_matched_by_their_names(tuned, place, tmp_path):
    """Some of the classes are measured; a class that was not learned is named, and the probes are read all the same."""
    some = tiny.draw(tmp_path / "some", classes=("disc", "noise"), each=30)
    answer = looc("evaluate", tuned, "--data", some)
    assert answer.exit_code == 0 and "probabilities" in answer.stdout, answer.stderr
    other = tiny.draw(tmp_path / "other", classes=("disc", "bar"), each=30)
    (other / "bar").rename(other / "zebra")
    strange = looc("evaluate", tuned, "--data", other)
    assert strange.exit_code == 0 and "probabilities" not in strange.stdout
    assert "The classifier names 3 classes." in strange.stdout and "'zebra' is none of them" in strange.stdout


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--fraction", "0"), "method.fraction should be above 0 and at most 1"),
        (("--fraction", "1.5"), "method.fraction should be above 0 and at most 1"),
        (("--set", "method.momentum=0.9"), "unknown key 'method.momentum'"),
        (("--set", "model.width=8"), "has another shape than this experiment's"),
        (("--data", "no/such/folder"), "no/such/folder"),
        (("--set", "training.batch=4096"), "training.batch is 4096"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_written(place, tmp_path, more, message):
    answer = looc("finetune", place / "begun", "--out", tmp_path / "run", *(f"--set={each}" for each in SHORT), *more)
    assert answer.exit_code == 2 and message in answer.stderr.splitlines()[-1], answer.stderr
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_fine_tuned(place, tmp_path):
    with pytest.raises(UserError, match=r"Expected the folder of a run, with a config\.yaml"):
        finetuning(place / "pictures")
    branches = "method.branch_per_space=true"
    train(tiny.experiment(place / "pictures", branches, "training.steps=0"), tmp_path / "branches")
    with pytest.raises(UserError, match=r"takes a run with one trunk\. .*a last stage of its own for each space"):
        finetuning(tmp_path / "branches")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.yaml").write_text((place / "begun" / "config.yaml").read_text())
    with pytest.raises(UserError, match="holds no checkpoint yet"):
        finetuning(tmp_path / "empty")
