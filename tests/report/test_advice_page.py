"""What `looc advise` says, writes and refuses."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import tiny

from looc_tf.cli import cli
from looc_tf.evaluate.advice import Advice
from looc_tf.evaluate.features import Features
from looc_tf.report.advice import candidates, export_command, sentences
from looc_tf.results import Estimate
from looc_tf.training import train


def of(mean, half=1.0):
    return Estimate(mean, half, 5)


def advice(best="color", gain=None, accuracy=None, **changes):
    accuracy = accuracy or {"trunk": of(60.0), "color": of(70.0), "all": of(50.0)}
    curve = {0.1: (40, of(55.0), of(40.0)), 0.3: (120, of(65.0), of(50.0)), 1.0: (400, of(70.0), of(60.0))}
    gain = gain or of(10.0, 2.0)
    known = {"drops": {"color": of(9.0), "orientation": of(0.2), "texture": of(1.5)}, "pictures": 500, "classes": 4}
    return Advice(best, gain, accuracy, 25.0, curve, **{**known, **changes})


def test_it_says_what_to_take_by_how_much_with_how_many_labels_and_on_what_they_hang():
    take, labels, factor, told = sentences(advice())
    assert take == "Take color: it reads 70.0 ± 1.0 %, 10.0 ± 2.0 points more than the trunk, which reads 60.0 ± 1.0 %."
    assert "40 labels (10 %) 55.0 ± 1.0 %" in labels and labels.endswith("more labels would help.")
    assert factor.startswith("The labels hang on color most.") and "orientation 0.2 ± 1.0" in factor
    assert told == "500 labelled pictures of 4 classes."


@pytest.mark.parametrize(
    ("found", "checkpoint", "command"),
    [
        (advice(), "last", "looc export 'my runs/a' --representation color --out exports"),
        (
            advice("all+color", accuracy={"trunk": of(60.0), "all+color": of(70.0)}),
            "best",
            "looc export 'my runs/a' --representation all+color --checkpoint best --out exports",
        ),
        (advice(gain=of(0.5, 2.0)), "last", "looc export 'my runs/a' --representation trunk --out exports"),
        (advice(accuracy={"trunk": of(25.0, 3.0), "color": of(26.0, 3.0)}), "last", ""),
    ],
)
def test_the_command_that_ships_what_is_advised(found, checkpoint, command):
    assert export_command(SimpleNamespace(path=Path("my runs/a"), checkpoint=checkpoint), found) == command


def test_no_difference_is_said_as_such():
    assert sentences(advice(gain=of(0.5, 2.0)))[0].endswith(
        "No difference: the best beside it, color, reads 0.5 ± 2.0 points more."
    )
    assert sentences(advice(gain=of(-0.7, 1.3)))[0].endswith("color, reads 0.7 ± 1.3 points less.")
    assert sentences(advice("trunk", of(0.0, 0.0)))[0].endswith("and no space more. No difference.")
    nothing = {"trunk": of(25.0, 3.0), "color": of(26.0, 3.0)}
    assert sentences(advice(gain=of(1.0, 4.0), accuracy=nothing))[0].startswith("Nothing can be told of these labels")
    idle = {"color": of(0.1), "orientation": of(-0.5), "texture": of(0.0)}
    assert "hang on none of color, orientation and texture alone" in sentences(advice(drops=idle))[2]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["trunk"], ["trunk"]),
        (["trunk", "all"], ["trunk", "all"]),
        (["trunk", "all", "color"], ["trunk", "all", "color", "concat"]),
        (
            ["trunk", "a", "b", "c"],
            ["trunk", "a", "b", "c", "a+b", "a+c", "b+c", "concat"],
        ),
        (
            ["trunk", "a", "b", "branch_a", "branch_b"],
            ["trunk", "a", "b", "concat", "branch_a", "branch_b", "branch_a+branch_b"],
        ),
    ],
)
def test_what_is_compared(names, expected):
    rows = {name: np.ones((2, 3), np.float32) for name in names}
    assert candidates(Features({"upright": rows}, {})) == expected


def test_the_command_writes_a_page_and_json(tmp_path):
    run = train(tiny.experiment(tiny.draw(tmp_path / "pictures")), tmp_path / "a run")
    said = CliRunner().invoke(cli, ["advise", str(run), "--out", str(tmp_path / "advice")], catch_exceptions=False)
    assert said.exit_code == 0 and "labelled pictures of" in said.output
    told = json.loads((tmp_path / "advice" / "advice.json").read_text())
    page = (tmp_path / "advice" / "advice.html").read_text()
    assert told["says"][0] in page.replace("&#39;", "'") and set(told["drops"]) == {"color", "orientation", "texture"}
    assert set(told["accuracy"]) >= {"trunk"} and "://" not in page
    command = f"looc export '{run}' --representation {told['representation']} --out exports"
    if told["command"]:  # nothing to ship where nothing can be told
        assert told["command"] == command and f"to ship it: {command}\n" in said.output
        assert f"<pre>{command}</pre>" in page.replace("&#39;", "'")
    table = tmp_path / "table.csv"
    names = [path.relative_to(tmp_path / "pictures") for path in sorted((tmp_path / "pictures").rglob("*.png"))]
    table.write_text("file,kind,parity\n" + "".join(f"{name},{name.parent},{n % 2}\n" for n, name in enumerate(names)))
    asked = ["advise", str(run), "--labels", str(table), "--label", "parity", "--out", str(tmp_path / "other")]
    assert CliRunner().invoke(cli, asked, catch_exceptions=False).exit_code == 0
    told = json.loads((tmp_path / "other" / "advice.json").read_text())
    assert told["label"] == "parity" and told["classes"] == 2 and told["pictures"] == 48
    other = CliRunner().invoke(cli, ["advise", str(run), "--label", "labl"])
    assert other.exit_code == 2 and "Unknown label 'labl'. Did you mean 'label'" in other.output
