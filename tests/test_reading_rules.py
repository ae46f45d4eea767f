"""The rules by which a run reads its pictures: new ones for new runs; a run that was begun keeps those it had."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import tiny

from looc_tf import config
from looc_tf.cli import cli
from looc_tf.data import read_table, table_reading
from looc_tf.errors import UserError
from looc_tf.experiments import from_dict, from_text, load
from looc_tf.report import demo
from looc_tf.training import train

RUN = Path(__file__).parent / "version1" / "looc" / "config.yaml"
BY_HAND = "training: {steps: 1}\ndata: {name: photos, size: 32, limit: null}\n"


def rules(experiment):
    return experiment.data.rules, experiment.data.labels


def test_what_was_written_before_keeps_its_rules_and_what_is_new_has_the_new_ones():
    assert rules(from_text(BY_HAND)) == rules(load("factors/looc")) == (2, None)
    assert rules(from_text("version: 2\n" + BY_HAND)) == rules(load(RUN)) == (1, "none")
    written = config.to_dict(from_text(BY_HAND))
    assert rules(from_dict(written)) == (2, None)
    del written["data"]["rules"]
    assert rules(from_dict(written)) == (1, "none")
    assert from_text(config.to_yaml(load(RUN))) == load(RUN)


@pytest.mark.parametrize(
    ("override", "message"), [("rules=3", r"data\.rules"), ("label_columns=[a,b,c]", "two columns")]
)
def test_what_the_fields_may_say(override, message):
    with pytest.raises(UserError, match=message):
        from_text(BY_HAND, [f"data.{override}"])


@pytest.fixture
def odd(tmp_path):
    """Pictures that the first rules read otherwise: few of a class, a pool, and a table of labels."""
    folder = tiny.draw(tmp_path / "odd")
    for number in range(13):
        (folder / "bar" / f"{number:02}.png").unlink()
    picture = (folder / "bar/15.png").read_bytes()
    for number in range(5):
        (folder / "unlabeled").mkdir(exist_ok=True)
        (folder / "unlabeled" / f"{number}.png").write_bytes(picture)
    return folder


def test_a_run_goes_on_with_the_pictures_that_it_had(odd, tmp_path):
    first, now = (tiny.experiment(odd, *overrides) for overrides in (["data.rules=1", "data.labels=none"], []))
    one, other = (read_table(odd, **table_reading(each.data)) for each in (first, now))
    assert not np.array_equal(one.labels["label"], other.labels["label"])
    run = train(first, tmp_path / "run")
    train(now, run, resume=True)  # by the config that it was begun with, as one reads it now
    train(load(run / "config.yaml"), run, resume=True)
    assert rules(load(run / "config.yaml")) == (1, "none")
    assert json.loads((run / "run.json").read_text())["classes"] == 4
    fresh = train(now, tmp_path / "fresh")
    assert json.loads((fresh / "run.json").read_text())["classes"] == 3


def test_a_demo_that_was_begun_before_goes_on(odd, tmp_path):
    begun = config.to_dict(tiny.experiment(odd))
    del begun["data"]["rules"], begun["data"]["labels"], begun["data"]["label_columns"]
    (tmp_path / demo.BEGUN).write_text(json.dumps({"looc": begun}))
    experiments = demo._as_begun(tmp_path, {"looc": tiny.experiment(odd)}, shipped=False)
    demo._check_own(tmp_path, experiments)
    assert rules(experiments["looc"]) == (1, "none")


def test_labels_on_the_command_line(odd, tmp_path):
    pictures = tmp_path / "flat"
    pictures.mkdir()
    rows = []
    for path in sorted(odd.glob("*/*.png")):
        (pictures / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
        rows.append(f"{path.parent.name}-{path.stem},{path.parent.name[0]}")
    (tmp_path / "mine.csv").write_text("\n".join(["file,what", *rows]))
    (tmp_path / "tiny.yaml").write_text(json.dumps({**tiny.EXPERIMENT, "name": "tiny"}))
    run = str(tmp_path / "run")
    arguments = ["train", str(tmp_path / "tiny.yaml"), "--data", str(pictures), "--out", run, "--labels"]
    done = CliRunner().invoke(cli, [*arguments, "no.csv"])
    assert "'no.csv' does not exist" in done.output
    done = CliRunner().invoke(cli, [*arguments, str(tmp_path / "mine.csv")], catch_exceptions=False)
    assert done.exit_code == 0
    assert json.loads((tmp_path / "run/run.json").read_text())["classes"] == 4
    said = f"labels from mine.csv: {len(rows)} rows, 0 without a picture; 0 pictures without a row"
    assert said in (tmp_path / "run/train.log").read_text()
    assert load(tmp_path / "run/config.yaml").data.labels == str(tmp_path / "mine.csv")
    for command in ("evaluate", "demo"):
        assert "--labels" in CliRunner().invoke(cli, [command, "--help"]).output
