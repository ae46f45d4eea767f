"""Which runs count as done, and what is asked for next."""

import dataclasses
import json

import pytest

from looc_tf.config import training_id
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.studies import reproduce, runs
from looc_tf.studies.runs import job_of, make

EXPERIMENT = load("factors/moco", ["training.steps=30"])


def trained(path, step=30, code=None, asked=("object",), read=True):
    """A run folder as `looc train` and `looc evaluate` leave it, as far as jobs look into it."""
    version, commit = code or runs.code()
    (path / "checkpoints").mkdir(parents=True)
    (path / "checkpoints" / "ckpt-30.index").touch()
    (path / "run.json").write_text(json.dumps({"version": version, "commit": commit, "steps": 30}))
    (path / "history.csv").write_text(f"step,loss\n10,2\n{step},1\n")
    if read:
        record = {"run": "r", "method": "m", "seed": 0, "representation": "trunk", "probe": "object", "value": 5.0}
        (path / "results.json").write_text(json.dumps([{**record, "step": 30}]))
        (path / "evaluated.json").write_text(json.dumps({"asked": list(asked)}))
    return path


def named(seed=0):
    return f"moco-{training_id(EXPERIMENT)}-seed{seed}"


def test_a_run_is_found_by_its_training_seed_and_code(tmp_path):
    path = trained(tmp_path / named().replace("moco-", "other-study-", 1))
    assert job_of(tmp_path, EXPERIMENT, ["object"]).path == path  # whichever study made it
    assert job_of(tmp_path, EXPERIMENT, ["object"]).records()[0]["value"] == 5.0
    other = dataclasses.replace(EXPERIMENT, seed=1)
    assert job_of(tmp_path, other, ["object"]).path == tmp_path / named(1)


def test_a_run_of_other_code_counts_where_one_says_so(tmp_path):
    path = trained(tmp_path / named(), code=("0.0.9", "abc"))
    fresh = job_of(tmp_path, EXPERIMENT, ["object"])
    assert fresh.path != path and fresh.path.name.startswith(named()) and not fresh.records()
    assert job_of(tmp_path, EXPERIMENT, ["object"], any_code=True).path == path


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({"read": False}, ["evaluate", "--probe", "knn", "--probe", "object"]),
        ({"asked": ("object", "few_shot")}, ["evaluate", "--probe", "few_shot", "--probe", "knn", "--probe", "object"]),
        ({"step": 20, "read": False}, ["train"]),
    ],
)
def test_what_is_missing_is_asked_for_and_what_was_asked_before_stays(changes, command, tmp_path):
    trained(tmp_path / named(), **changes)
    job = job_of(tmp_path, EXPERIMENT, ["object", "knn"])
    assert not job.records()
    first, *rest = runs._command(job)
    assert [first, *(word for word in rest if word in command[1:])] == command


def test_of_a_run_that_was_read_elsewhere_the_small_files_are_enough(tmp_path):
    path = trained(tmp_path / named())
    (path / "checkpoints" / "ckpt-30.index").unlink()
    (path / "history.csv").unlink()
    told = []
    make([job_of(tmp_path, EXPERIMENT, ["object"])], 1, 1, told.append, lambda *_: None)
    assert job_of(tmp_path, EXPERIMENT, ["object"]).records() and not told


def test_what_cannot_be_read_of_these_pictures_is_not_asked_for_again(tmp_path):
    trained(tmp_path / named(), asked=("object", "texture"))  # texture was left out: no record, but asked
    assert job_of(tmp_path, EXPERIMENT, ["object", "texture"]).records()


def test_a_plan_says_what_would_be_done_and_does_nothing(tmp_path):
    told = []
    assert not reproduce(["table4", "table5"], tmp_path / "out", seeds=1, plan=True, tell=told.append)
    assert told[-1].startswith("5 trainings of factors, 5 to be made or read") and len(told) == 7
    assert told[-2].startswith("cost: 1.4 million encoder passes on 8,000 training pictures, ")
    assert any("1,200 steps of 128, at step 0; object, hue, rotation, few_shot" in line for line in told)
    assert sum("subsets" in line for line in told) == 2  # LooC++ and MoCo++ serve both tables
    assert not (tmp_path / "out").exists()


def test_a_miniature_has_half_the_steps_of_the_shipped_config_unless_somebody_says_how_many(tmp_path, monkeypatch):
    monkeypatch.setattr("looc_tf.studies.cost.profiled", lambda experiment: None)  # else a step of `paper` is timed

    def steps(**asked):
        told = []
        reproduce(["table1"], tmp_path / "out", seeds=1, plan=True, tell=told.append, **asked)
        return {line.partition(": ")[2].partition(" steps")[0] for line in told if " steps of " in line}

    assert steps() == {"600"}
    assert steps(base="factors/looc") == {"1,200"}
    assert steps(overrides=["training.steps=70"]) == {"70"}
    assert steps(overrides=["training.steps=null", "training.epochs=3"]) == set()  # epochs, then
    assert steps(preset="paper", base="factors/looc") == {"1,200"}


def test_a_training_that_two_studies_call_differently_is_one(tmp_path):
    told = []
    reproduce(["all"], tmp_path / "out", seeds=2, plan=True, tell=told.append)
    ids = [line.partition("-seed")[0].rpartition("-")[2] for line in told if "-seed" in line]
    assert len(ids) == 2 * len(set(ids))  # one for each seed


def test_pictures_that_are_named_are_taken_whatever_the_base(tmp_path):
    """`--data factors` was the default, and so gave way to the pictures of `--base`."""
    told = []
    asked = {"base": "cifar10/looc-rotation", "seeds": 1, "plan": True, "tell": told.append}
    reproduce(["table1"], tmp_path / "out", data="factors", **asked)
    reproduce(["table1"], tmp_path / "out", **asked)
    assert [line.partition(",")[0] for line in told[5::6]] == ["4 trainings of factors", "4 trainings of cifar10"]
    assert "training pictures" in told[4] and "pictures" not in told[10]  # of a set that is not here nothing is known


def test_a_failing_job_is_one_line_with_its_log(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_command", lambda job: ["train", "nowhere.yaml", "--out", "x"])
    told = []
    with pytest.raises(UserError, match=r"moco-.* failed: .*nowhere\.yaml.* Its log: .*\.log"):
        make([job_of(tmp_path, EXPERIMENT, ["object"])], 1, 1, told.append, lambda *_: None)
    assert told == [f"{named()}: training"]
