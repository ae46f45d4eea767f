"""What a study costs: counted, timed, and told before it begins."""

import dataclasses
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
from helpers import contract

from looc_tf import methods, optim
from looc_tf.experiments import load
from looc_tf.methods.arithmetic import operations, with_heads
from looc_tf.studies import cost, profile, reproduce
from looc_tf.studies.cost import cost_lines, cost_of, measured_rate, pictures_of, steps_of
from looc_tf.studies.profile import Profile, measured, profiled
from looc_tf.studies.runs import Job

LOOC, MOCO = load("factors/looc"), load("factors/moco")
PAPER = load("imagenet100/moco")


def job(path, experiment, step=0, steps=None, paces=()):
    """A job over a run that is so far; `paces` are seconds of ten steps each."""
    path.mkdir()
    if steps is not None:
        (path / "run.json").write_text(json.dumps({"steps": steps}))
        (path / "history.csv").write_text(f"step,loss\n{step},1\n")
    lines, clock = ["2026-01-01 00:00:00,000 INFO 9 training pictures"], 0.0
    for number, seconds in enumerate((0.0, *paces)):
        clock += seconds
        when = f"00:{int(clock) // 60:02}:{clock % 60:06.3f}".replace(".", ",")
        lines.append(f"2026-01-01 {when} DEBUG step {10 * number + 10}/1200  loss 5.0")
    (path / "train.log").write_text("\n".join(lines) if paces else "")
    return Job(path, experiment, ("object",))


def test_passes_and_operations_are_those_of_the_steps_that_are_left(tmp_path):
    whole, begun = job(tmp_path / "a", LOOC), job(tmp_path / "b", MOCO, step=400, steps=2400)
    found = cost_of([whole, begun], 8000)
    assert found.passes == 128 * (1200 * 4 + 2000 * 2)
    assert found.operations == 128 * (1200 * operations(LOOC) + 2000 * operations(MOCO))
    assert found.pictures == 8000 * 64 * 64 * 3


def test_epochs_are_steps_where_the_number_of_pictures_is_known(tmp_path):
    assert steps_of(PAPER, 125_000) == 500 * (125_000 // 256) and steps_of(PAPER, None) is None
    assert pictures_of(PAPER) == 125_000 and pictures_of(LOOC) == 8000
    other = dataclasses.replace(PAPER, data=dataclasses.replace(PAPER.data, name="nowhere/at-all"))
    assert pictures_of(other) is None and cost_of([job(tmp_path / "a", other)], None) is None
    assert next(cost_lines([job(tmp_path / "b", other)], 1, True)).startswith("cost: not known: nowhere/at-all is not")


def test_checkpoints_take_what_a_state_takes(tmp_path):
    """Against the variables themselves: query and key encoder and momentum."""
    method = methods.build(LOOC)
    method.compile(optim.build(LOOC.optimizer, 100))
    method.optimizer.build(method.trained_variables())
    state = 4 * sum(v.shape.num_elements() for v in [*method.variables, *method.optimizer.variables])
    copies = LOOC.training.keep + 1  # the last ones and the best one
    assert cost_of([job(tmp_path / "a", LOOC)], 1).checkpoints == pytest.approx(copies * state, rel=0.1)
    linear = dataclasses.replace(LOOC, model=dataclasses.replace(LOOC.model, head="linear"))
    assert with_heads(linear) < with_heads(LOOC)


def test_the_rate_of_the_trainings_so_far_forgets_pauses(tmp_path):
    done = job(tmp_path / "a", LOOC, step=1200, steps=1200, paces=(2, 2, 60, 2, 2))
    assert measured_rate([done], None) == pytest.approx(0.2 / (128 * operations(LOOC)))
    assert measured_rate([job(tmp_path / "b", LOOC)], None) is None
    (tmp_path / "a" / "train.log").write_text("garbage\n2026 DEBUG step x/y\n")
    assert measured_rate([done], None) is None


def test_time_left_follows_from_the_rate_and_from_how_many_run_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "profiled", lambda experiment: pytest.fail("timed already"))
    jobs = [job(tmp_path / "a", LOOC, step=1200, steps=1200, paces=(30, 30)), job(tmp_path / "b", MOCO)]
    (tmp_path / "a" / "checkpoints").mkdir()
    (tmp_path / "a" / "checkpoints" / "ckpt-1200.index").touch()
    hours = 2400 * 3.0 * operations(MOCO) / operations(LOOC) / 3600
    said = [list(cost_lines(jobs, at_once, True))[1] for at_once in (1, 2)]
    assert said[0] == f"left: about {60 * hours:.0f} minutes here, at the rate of the trainings so far"
    assert said[1] == f"left: about {30 * hours:.0f} minutes here, at the rate of the trainings so far"
    assert not list(cost_lines(jobs[:1], 1, True))  # nothing is left


def test_the_paper_costs_are_told_before_anything_begins(tmp_path, monkeypatch):
    found = Profile(2.0, 8, False, "2 cores")
    monkeypatch.setattr(cost, "profiled", lambda experiment: found)
    told = []
    asked = {"seeds": 1, "preset": "paper", "tell": told.append}
    reproduce(["table1"], tmp_path / "out", plan=True, **asked)
    passes, here, gpu, last = told[-4:]
    assert passes.startswith("cost: 562.2 million encoder passes on 125,000 training pictures, 4.2 GB of checkpoints")
    units = 500 * (125_000 // 256) * 256 * (4 + 4 + 4 + 5) / 4  # one backward pass, and one or two keys
    step = "by a step of imagenet100/moco: 8 pictures in 16 s on 2 cores, a small batch scaled up"
    assert here == f"here: about {units * 2.0 / 3600:,.1f} hours, {step}"
    hours = units * operations(PAPER) / (0.13 * 156e12) / 3600
    assert gpu == f"one NVIDIA A100: about {hours:,.0f} GPU hours, counted, at 13 % of its 156 TFLOP/s"
    assert not (tmp_path / "out").exists() and last.startswith("4 trainings of imagenet100")

    def begin(todo, *_):
        assert told[:3] == [passes, here, gpu]
        raise KeyboardInterrupt

    told.clear()
    monkeypatch.setattr(sys.modules["looc_tf.studies.reproduce"], "make", begin)  # the function has its name
    with pytest.raises(KeyboardInterrupt):
        reproduce(["table1"], tmp_path / "out", **asked)


def test_a_miniature_is_not_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "profiled", lambda experiment: pytest.fail("timed"))
    told = []
    reproduce(["table1"], tmp_path / "out", seeds=1, plan=True, tell=told.append)
    assert told[-2].startswith("cost: 691,200 encoder passes on 8,000 training pictures")


def test_a_step_is_timed_with_its_views(monkeypatch):
    monkeypatch.setattr("looc_tf.studies.profile.LONG_ENOUGH", 0.1)
    case = contract.CASES["moco"]
    found = measured(dataclasses.replace(case, views=dataclasses.replace(case.views, chain={"crop": {}})))
    assert found.seconds > 0 and found.batch == contract.BATCH and found.device.endswith("cores")
    assert str(Profile(0.5, 8, True, "a GPU")) == "8 pictures in 4 s on a GPU"


def test_timing_has_an_end(monkeypatch):
    assert profiled(LOOC, limit=0.05) is None
    answer = SimpleNamespace(stdout='a line\n{"seconds": 0.1, "batch": 8, "whole": false, "device": "2 cores"}\n')
    monkeypatch.setattr(profile.subprocess, "run", lambda command, **_: answer)
    assert profiled(LOOC) == Profile(0.1, 8, False, "2 cores")

    def fail(command, **_):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(profile.subprocess, "run", fail)
    assert profiled(LOOC) is None
