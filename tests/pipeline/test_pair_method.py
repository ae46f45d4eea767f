"""A pair method with leave-one-out spaces through the whole pipeline, by `--method` alone."""

import json

import pytest
import yaml
from click.testing import CliRunner
from helpers import tiny

from looc_tf.cli import cli


def looc(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="looc")


def test_an_unknown_method_is_told_before_tfx_is_started(tmp_path):
    answer = looc("pipeline", "run", "--config", "factors/looc", "--method", "bylo", "--root", tmp_path / "root")
    assert answer.exit_code == 2 and answer.stderr.count("\n") == 1
    assert "Unknown method 'bylo'. Did you mean 'byol'?" in answer.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_byol_with_spaces_is_trained_judged_pushed_and_answers(tmp_path):
    pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")
    pictures = tiny.draw(tmp_path / "pictures", each=20)
    probes = {"neighbors": [5], "strengths": [0.1]}
    content = {**tiny.EXPERIMENT, "evaluation": probes, "gate": {"drop": 100}}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content))
    given = ["--config", tmp_path / "tiny.yaml", "--method", "byol", "--data", pictures, "--root", tmp_path / "root"]
    answer = looc("pipeline", "run", *given)
    assert answer.exit_code == 0, answer.output
    checked = looc("pipeline", "serve-check", tmp_path / "root")
    assert checked.exit_code == 0 and "serves: " in checked.stdout, checked.output
    judged = next((tmp_path / "root").rglob("probes.json")).read_text()
    named = {each["representation"] for each in json.loads(judged)["outputs"].values()}
    assert {"trunk", "all", "rotation"} <= named
    config = next(path for path in (tmp_path / "root").rglob("config.yaml")).read_text()
    assert "name: byol\n" in config and "head: hidden_norm_mlp" in config
