"""Each pair method as a user meets it: one command after the other on a training of seconds, with `--method` alone."""

import csv
import json

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from helpers import tiny
from tensorflow import keras

from looc_tf import methods, run
from looc_tf.cli import cli
from looc_tf.experiments import load
from looc_tf.methods.pairs import Pairs
from looc_tf.objectives import Predicted
from looc_tf.training import train

PAIRS = [name for name, kind in methods.METHODS.items() if issubclass(kind, Pairs)]
QUICK = ("byol",)  # the others are slow: the same commands, and their steps are in the table of checks
ALL = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in PAIRS]


def looc(*arguments):
    """What a command printed, on both streams."""
    answer = CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="looc")
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    assert answer.exit_code == 0, answer.stderr
    return answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pictures and a config of LooC with two spaces."""
    place = tmp_path_factory.mktemp("place")
    tiny.draw(place / "pictures", each=20)
    chain = {"crop": {"area": [0.3, 1.0]}, "color": {}, "rotation": {}}
    training = {**tiny.EXPERIMENT["training"], "log_every": 2, "checkpoint_every": 2, "monitor_every": 2}
    content = {
        **tiny.EXPERIMENT,
        "name": "little/tiny",
        "views": {"size": 16, "chain": chain},
        "evaluation": {"neighbors": [5], "strengths": [0.1], "probes": ["object", "rotation", "knn"]},
        "training": training,
    }
    (place / "tiny.yaml").write_text(yaml.safe_dump(content))
    return place


@pytest.fixture(scope="module")
def trained(place):
    """Gives the run of a method, and what its training printed; each is trained once."""
    made = {}

    def of(name, kind="spaces"):
        if (name, kind) not in made:
            out = place / f"{name}-{kind}"
            plain = (
                ["--set", "method.spaces=[{name: all}]", "--set", f"name=little/{name}-plain"]
                if kind == "plain"
                else []
            )
            said = looc("train", place / "tiny.yaml", "--method", name, *plain, *of_pictures(place), "--out", out)
            made[name, kind] = out, said
        return made[name, kind]

    return of


def of_pictures(place):
    return ["--data", place / "pictures"]


class Stop(keras.callbacks.Callback):
    """Ends a training after three steps, as Ctrl-C would."""

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch == 2


def weights(path):
    return [variable.numpy() for variable in run.load_run(path).method.variables]


@pytest.mark.parametrize("name", ALL)
def test_train_and_what_it_logs(trained, name):
    out, said = trained(name)
    assert f"trained: {out}" in said
    experiment = load(out / "config.yaml")
    assert (experiment.method.name, experiment.name) == (name, f"little/{name}-tiny")
    with (out / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for space in ("all", "rotation"):
        for measure in ("loss", "spread", "effective_rank"):
            assert np.isfinite(float(rows[-1][f"{space}/{measure}"]))
    assert 0 <= float(rows[-1]["rotation/sibling_accuracy"]) <= 1 and "all/sibling_accuracy" not in rows[-1]
    assert tags(out) >= {"rotation/sibling_accuracy", "all/spread", "rotation/effective_rank", "knn"}


def tags(out):
    """The names that TensorBoard shows."""
    import tensorflow as tf

    found = set()
    for file in (out / "logs").rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            found |= {value.tag for value in event.summary.value}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(trained, place, name):
    whole = trained(name)[0]
    part = place / f"{name}-part"
    train(load(whole / "config.yaml"), part, callbacks=[Stop()])
    assert run.load_run(part).step == 3
    looc("train", place / "tiny.yaml", "--method", name, *of_pictures(place), "--out", part, "--resume")
    for one, other in zip(weights(whole), weights(part)):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ALL)
def test_evaluate_compare_export_and_embed_ask_for_no_method(trained, place, name):
    spaces, plain = trained(name)[0], trained(name, "plain")[0]
    for out in (spaces, plain):
        looc("evaluate", out)
    records = json.loads((spaces / "results.json").read_text())
    assert {record["representation"] for record in records} == {"trunk", "all", "rotation", "concat"}
    assert {record["method"] for record in records} == {f"{name}-tiny"}
    assert "rotation" in looc("compare", spaces, "--markdown")
    looc("export", spaces, "--out", place / f"{name}-exports")
    looc("embed", place / f"{name}-exports" / "1", place / "pictures", "-o", place / f"{name}.npz")
    with np.load(place / f"{name}.npz", allow_pickle=False) as rows:
        assert set(rows) == {"all", "rotation", "trunk", "id"}
        assert all(np.isfinite(rows[each]).all() for each in ("all", "rotation", "trunk"))


@pytest.mark.parametrize("name", ALL)
def test_views_of_the_config_and_of_the_run(trained, place, name):
    picture = next((place / "pictures" / "disc").iterdir())
    drawn = [place / f"{name}-{kind}.png" for kind in ("config", "run")]
    looc("views", place / "tiny.yaml", picture, "-o", drawn[0], "--method", name)
    looc("views", trained(name)[0], picture, "-o", drawn[1])
    assert drawn[0].read_bytes() == drawn[1].read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_a_page_of_runs_with_spaces_and_without(trained, place, name):
    from looc_tf.data import open_parts, reading
    from looc_tf.report.page import write_page
    from looc_tf.results import read_results

    found = {kind: trained(name, kind)[0] for kind in ("spaces", "plain")}
    for out in found.values():
        if not (out / "results.json").is_file():
            looc("evaluate", out)
    data = load(found["plain"] / "config.yaml").data
    sources = open_parts(data.name, size=data.size, **reading(data))
    records = [record for out in found.values() for record in read_results(out / "results.json")]
    text = write_page(place / f"{name}.html", found, records, sources).read_text()
    assert text.count("<section>") == 5 and f"name: little/{name}-tiny" in text
    assert all(f"spaces: {each}" in text for each in ("trunk", "all", "rotation")) and f"plain: {name}" not in text


def test_byol_without_its_predictor_collapses_and_the_alarm_says_so(place, monkeypatch):
    """Nothing is left that keeps its points apart: no BatchNorm, no predictor, a target that follows at once."""

    def objective(cls, experiment, space, facts):
        same = keras.Sequential([keras.layers.Activation("linear")])
        return Predicted(space.name, experiment.model.dimension, same, lambda cosines: 2 - 2 * sum(cosines))

    monkeypatch.setattr(methods.BYOL, "objective", classmethod(objective))
    changes = ["model.head=linear", "method.momentum=0.5", "optimizer.learning_rate=0.5", "optimizer.warmup_steps=0"]
    changes += ["training.steps=40", "training.batch=16", "training.monitor_every=0", "training.log_every=20"]
    options = [word for text in changes for word in ("--set", text)]
    said = looc(
        "train", place / "tiny.yaml", "--method", "byol", *options, *of_pictures(place), "--out", place / "alarm"
    )
    told = [line for line in said.splitlines() if "has collapsed" in line]
    assert len(told) == 2, said
    for space, line in zip(("all", "rotation"), told):
        assert line.startswith(f"looc: warning: Step 40: space '{space}' has collapsed (spread 0.0")
        assert line.endswith(methods.BYOL.against_collapse)
    assert "its heads no BatchNorm" in said
