"""What `looc advise` says, writes and refuses."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import tiny

from looc_tf.cli import cli
from looc_tf.evaluate.advice import Advice
from looc_tf.evaluate.features import Features
from looc_tf.report.advice import Asked, candidates, sentences, shipping
from looc_tf.results import Estimate
from looc_tf.training import train


def of(mean, half=1.0):
    return Estimate(mean, half, 5)


def advice(best="color", gain=None, accuracy=None, **changes):
    accuracy = accuracy or {"trunk": of(60.0), "color": of(70.0), "all": of(50.0)}
    curve = {0.1: (40, of(55.0), of(40.0)), 0.3: (120, of(65.0), of(50.0)), 1.0: (400, of(70.0), of(60.0))}
    gain = gain or of(10.0, 2.0)
    curve = changes.pop("curve", curve)
    known = {"drops": {"color": of(9.0), "orientation": of(0.2), "texture": of(1.5)}, "pictures": 500, "classes": 4}
    known |= {"rival": best, "differences": {best: gain}} if best != "trunk" else {}
    return Advice(best, gain, accuracy, 25.0, curve, **{**known, **changes})


def test_it_says_what_to_take_by_how_much_with_how_many_labels_and_on_what_they_hang():
    take, labels, factor, told = sentences(advice())
    assert take == "Take color: it reads 70.0 ± 1.0 %, 10.0 ± 2.0 points more than the trunk, which reads 60.0 ± 1.0 %."
    assert "40 labels (10 %) 55.0 ± 1.0 %" in labels and labels.endswith("more labels would help.")
    assert factor.startswith("The labels hang on color most.") and "orientation 0.2 ± 1.0" in factor
    assert told == "500 labelled pictures of 4 classes."


def test_what_reads_better_without_a_factor_is_said_to():
    drops = {"color": of(9.0), "orientation": of(-0.5), "texture": of(-9.0, 3.0)}
    assert "texture -9.0 ± 3.0 (below 0: it reads better without texture)." in sentences(advice(drops=drops))[2]
    assert "better without" not in sentences(advice())[2]


@pytest.mark.parametrize(
    ("found", "checkpoint", "command"),
    [
        (advice(), "last", "looc export 'my runs/a' --representation color --out exports/a"),
        (
            advice("all+color", accuracy={"trunk": of(60.0), "all+color": of(70.0)}),
            "best",
            "looc export 'my runs/a' --representation all+color --checkpoint best --out exports/a",
        ),
        (advice(gain=of(0.5, 2.0)), "last", "looc export 'my runs/a' --representation trunk --out exports/a"),
        (advice(accuracy={"trunk": of(25.0, 3.0), "color": of(26.0, 3.0)}), "last", ""),
    ],
)
def test_the_command_that_ships_what_is_advised(found, checkpoint, command):
    assert shipping(SimpleNamespace(path=Path("my runs/a"), checkpoint=checkpoint), found) == command


def test_no_difference_is_said_as_such():
    assert sentences(advice(gain=of(0.5, 2.0)))[0].endswith(
        "No difference (less than 2.5 points): the best beside it, color, reads 0.5 ± 2.0 points more."
    )
    assert sentences(advice(gain=of(-0.7, 1.3)))[0].endswith(
        "No difference (less than 2.0 points): the best beside it, color, reads 0.7 ± 1.3 points less."
    )
    alone = sentences(advice("trunk", of(0.0, 0.0), {"trunk": of(60.0)}))[0]
    assert alone == "Take the trunk: it reads 60.0 ± 1.0 %. There is nothing to compare it with."
    nothing = {"trunk": of(25.0, 3.0), "color": of(26.0, 3.0)}
    unread = sentences(advice(gain=of(1.0, 4.0), accuracy=nothing))[0]
    assert unread.startswith("Nothing can be told of these labels") and "difference" not in unread
    assert unread.endswith("Which representation to take is undecided with 500 test pictures.")
    idle = {"color": of(0.1), "orientation": of(-0.5), "texture": of(0.0)}
    assert "hang on none of color, orientation and texture alone" in sentences(advice(drops=idle))[2]


def test_what_few_pictures_cannot_tell_is_undecided_and_not_no_difference():
    found = advice(gain=of(12.4, 16.7), pictures=48)
    assert (found.representation, found.verdict) == ("trunk", "undecided")
    assert sentences(found)[0] == (
        "Take the trunk: it reads 60.0 ± 1.0 %. Undecided with 48 test pictures, which leave room for a difference of "
        "29.1 points: the best beside it, color, reads 12.4 ± 16.7 points more."
    )
    worse = advice("trunk", of(0.0, 0.0), rival="all", differences={"all": of(-10.0, 2.0)})
    assert worse.verdict == "worse"
    assert sentences(worse)[0].endswith("%, and the best beside it, all, reads 10.0 ± 2.0 points less.")
    beside = advice("trunk", of(0.0, 0.0), rival="color", differences={"color": of(-1.0, 9.0)})
    assert beside.verdict == "undecided" and "Undecided with 500 test pictures" in sentences(beside)[0]
    equal = {"rival": "color", "differences": {"color": of(0.0, 0.0)}}
    assert advice("trunk", of(0.0, 0.0), **equal).verdict == "no difference"
    assert advice("trunk", of(0.0, 0.0), **equal, pictures=48).bound == 6.25  # 48 that agree tell no more than that
    assert advice("trunk", of(0.0, 0.0), **equal, pictures=48).verdict == "undecided"


def test_what_wide_intervals_leave_open_of_labels_and_factors_is_undecided():
    wide = {0.3: (10, of(62.0, 9.0), of(61.0, 9.0)), 1.0: (40, of(70.0, 9.0), of(60.0, 9.0))}
    drops = {"color": of(4.0, 9.0), "orientation": of(0.2), "texture": of(1.5, 7.0)}
    _, labels, factor, _ = sentences(advice(curve=wide, drops=drops))
    assert labels.endswith("whether more labels would help is undecided.")
    assert factor.startswith("On which of color, orientation and texture the labels hang is undecided")
    sure = {0.3: (10, of(95.8, 10.8), of(61.0, 9.0)), 1.0: (40, of(100.0, 0.0), of(60.0, 9.0))}
    assert sentences(advice(curve=sure))[1].endswith("whether more labels would help is undecided.")
    flat = {0.3: (10, of(69.5), of(61.0)), 1.0: (40, of(70.0), of(60.0))}
    assert sentences(advice(curve=flat))[1].endswith("more labels would help little.")


def test_every_number_of_what_is_advised_is_its_own():
    """The gain of what each fold chose by itself, here mostly all of them, was told as that of what is advised."""
    accuracy = {"trunk": of(60.0), "all+rotation": of(61.6), "concat": of(60.4)}
    over = {"all+rotation": of(1.6, 1.0), "concat": of(0.4, 1.0)}
    folds = {"chosen": ("concat",) * 4 + ("all+rotation",), "choosing": of(0.4, 0.3)}
    found = advice("all+rotation", over["all+rotation"], accuracy, differences=over, **folds)
    take, chosen, labels, *_ = sentences(found)
    assert take == (
        "Take all+rotation: it reads 61.6 ± 1.0 %, 1.6 ± 1.0 points more than the trunk, which reads 60.0 ± 1.0 %."
    )
    assert chosen == (
        "Chosen in each of 5 folds by itself, it would be all spaces side by side (concat) in 4, all+rotation in 1; "
        "together these read 0.4 ± 0.3 points more than the trunk."
    )
    assert labels.startswith("With fewer labels, all+rotation reads: 40 labels (10 %) 55.0")
    lucky = advice("all+rotation", over["all+rotation"], accuracy, differences=over, **{**folds, "choosing": of(0.4)})
    assert lucky.representation == "trunk"  # the best of many, and what is gained by choosing holds zero
    assert lucky.verdict == "perhaps better"
    assert sentences(lucky)[0].endswith(
        "Perhaps better: the best beside it, all+rotation, reads 1.6 ± 1.0 points more, which may be the luck of the "
        "best of 2; what each fold would choose by itself is not surely better."
    )


def test_what_holds_no_zero_is_neither_no_difference_nor_undecided():
    """Where validation preferred the trunk, and the best beside it reads more all the same."""
    for more in (of(1.5, 1.0), of(4.0, 1.0)):
        found = advice("trunk", of(0.0, 0.0), rival="color", differences={"color": more})
        assert (found.representation, found.verdict) == ("trunk", "perhaps better")


def test_what_the_trunk_alone_can_tell_is_told():
    unsure = advice(gain=of(2.0, 25.0), accuracy={"trunk": of(58.0, 3.0), "color": of(60.0, 36.0)})
    assert unsure.verdict == "undecided" and sentences(unsure)[0].startswith("Take the trunk: it reads 58.0")


def test_the_learning_curve_is_that_of_what_is_advised():
    assert sentences(advice())[1].startswith("With fewer labels, color reads: 40 labels (10 %) 55.0 ± 1.0 %")
    trunk = sentences(advice(gain=of(0.5, 2.0)))[1]
    assert trunk.startswith("With fewer labels, the trunk reads: 40 labels (10 %) 40.0 ± 1.0 %")
    assert "400 labels (100 %) 60.0 ± 1.0 %" in trunk


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
    command = f"looc export '{run}' --representation {told['representation']} --out 'exports/{run.name}'"
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
    assert set(told["curve"]["1.0"]["accuracy"]) == {told["best"], "trunk"} and told["verdict"]
    other = CliRunner().invoke(cli, ["advise", str(run), "--label", "labl"])
    assert other.exit_code == 2 and "Unknown label 'labl'. Did you mean 'label'" in other.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("asked")
    tiny.draw(place / "pictures")
    return train(tiny.experiment(place / "pictures"), place / "run")


def asked(*words):
    """The folder that an advice went to, and what was said on the way."""
    said = CliRunner().invoke(cli, ["advise", *map(str, words)], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    return Path(re.search(r"^written: (.+)/advice\.html, ", said.output, re.M)[1]), said.output


def test_no_answer_takes_the_place_of_another_questions(trained, tmp_path):
    first, _ = asked(trained)
    assert first == trained / "advice"
    kept = (first / "advice.json").read_text()
    others = tiny.draw(tmp_path / "others", each=14)
    second, _ = asked(trained, "--data", others)
    assert second == trained / "advice-on-others" and (first / "advice.json").read_text() == kept
    assert json.loads((second / "advice.json").read_text())["data"] == str(others)
    assert asked(trained)[0] == first and asked(trained, "--data", others)[0] == second  # the same again
    (others / "disc" / "00.png").rename(others / "bar" / "more.png")  # another label, and so another question
    third, _ = asked(trained, "--data", others)
    assert re.fullmatch("advice-on-others-[0-9a-f]{8}", third.name) and third.parent == trained
    assert (
        json.loads((second / "advice.json").read_text())["question"]
        != json.loads((third / "advice.json").read_text())["question"]
    )


def test_a_folder_that_holds_another_answer_is_not_written(trained, tmp_path):
    out, others = tmp_path / "out", tiny.draw(tmp_path / "others", each=14)
    assert asked(trained, "--out", out)[0] == asked(trained, "--out", out)[0] == out
    kept = (out / "advice.json").read_text()
    refused = CliRunner().invoke(cli, ["advise", str(trained), "--data", str(others), "--out", str(out)])
    assert refused.exit_code == 2 and f"{out} holds one of run '{trained}', data '" in refused.output
    assert "Name another --out" in refused.output and (out / "advice.json").read_text() == kept
    (out / "advice.json").write_text("{")
    assert CliRunner().invoke(cli, ["advise", str(trained), "--out", str(out)]).exit_code == 2


def test_broken_pictures_are_named(trained, tmp_path):
    pictures = tiny.draw(tmp_path / "pictures")
    (pictures / "bar" / "empty.png").write_bytes(b"")
    (pictures / "disc" / "text.jpg").write_text("no picture")
    said = asked(trained, "--data", pictures, "--out", tmp_path / "out")[1]
    assert "2 pictures skipped: " in said and "bar/empty.png (" in said and "disc/text.jpg (" in said


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, []),
        ({"data": "pictures"}, []),
        ({"data": "else/photos/*.tfrecord"}, ["on-photos"]),
        ({"labels": "own.csv"}, []),
        ({"labels": "tables/kinds.csv", "label": "a kind"}, ["kinds", "a-kind"]),
        ({"label": "hue", "checkpoint": "best"}, ["hue", "best"]),
        ({"checkpoint": "40"}, ["step-40"]),
    ],
)
def test_a_folder_is_named_after_the_question(given, names, tmp_path):
    own = SimpleNamespace(data=SimpleNamespace(name="pictures", labels="own.csv"))
    run = SimpleNamespace(path=tmp_path, experiment=own, checkpoint=given.pop("checkpoint", "last"))
    question = Asked(run, **{"data": None, "labels": None, "label": "label", **given})
    assert question.folder("c" * 64, None) == tmp_path / "-".join(["advice", *names])
