"""`looc profile`: where a step's time goes, what limits it, and what the whole training would take."""

import dataclasses
import json

import pytest
from click.testing import CliRunner
from helpers import tiny
from rich.console import Console

from looc_tf.cli import cli
from looc_tf.report.profiled import lines, screen
from looc_tf.training.profile import Profile, profile

FOUND = Profile(
    name="mine",
    batch=128,
    steps=1000,
    step=0.4,
    parts={"targets": 0.1, "forward": 0.1, "backward": 0.15, "optimizer": 0.04, "memory": 0.01},
    reading=0.01,
    views=0.1,
    operations=50 * 10**9,
    speed=200e9,
)

SMALL = ("model.backbone=plain6",)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tiny.draw(tmp_path_factory.mktemp("profiled") / "pictures")


def test_every_part_of_a_step_is_timed_and_the_pictures_own_views(pictures):
    """Of a batch in two parts, taken one after another as the training takes them."""
    found = profile(tiny.experiment(pictures, *SMALL, "training.steps=70", "training.accumulate=2"), repeats=2)
    assert list(found.parts) == ["targets", "forward", "backward", "optimizer", "memory"]
    assert all(seconds > 0 for name, seconds in found.parts.items() if name != "backward")  # a difference
    assert found.steps == 70 and found.step > 0 and 0 < found.reading < 60 and found.views > 0 and found.speed > 1e9


def test_what_limits_it():
    assert FOUND.waits == 0 and FOUND.training == 400 and FOUND.least == 0.25
    slow = dataclasses.replace(FOUND, views=0.5)
    assert slow.waits == pytest.approx(0.2) and slow.training == 500
    assert "does not wait" in "\n".join(lines(FOUND)) and "62 % of the step" in "\n".join(lines(FOUND))
    assert "waits for them 20 % of the time" in "\n".join(lines(slow))
    assert "about 0:06:40" in "\n".join(lines(FOUND))
    assert "GFLOP" not in "\n".join(lines(dataclasses.replace(FOUND, operations=None)))


def test_parts_that_were_timed_among_other_work_are_said_to_be():
    assert "quiet" not in "\n".join(lines(FOUND))
    disturbed = dataclasses.replace(FOUND, parts={name: 2 * each for name, each in FOUND.parts.items()})
    assert "% of the step: each was timed by itself, and something else ran" in "\n".join(lines(disturbed))


def test_the_screen_has_a_row_for_each_part():
    console = Console(width=100, record=True)
    console.print(screen(FOUND))
    text = console.export_text()
    assert all(name in text for name in FOUND.parts) and "128 pictures" in text
    assert text.index("backward") < text.index("optimizer") < text.index("step  ")


def test_the_command_takes_a_config_and_writes_the_numbers(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("looc_tf.training.profile.profile", lambda experiment: asked.append(experiment) or FOUND)
    given = ["profile", "factors/looc", "--set", "training.batch=64", "--json", str(tmp_path / "numbers.json")]
    ended = CliRunner().invoke(cli, given)
    assert ended.exit_code == 0 and "the training:" in ended.stdout
    assert asked[0].training.batch == 64
    assert Profile(**json.loads((tmp_path / "numbers.json").read_text())) == FOUND
