"""A pipeline that starts warm, of a config that names weights: the blessed model is what it begins with."""

import logging
from types import SimpleNamespace

import pytest

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

from helpers import tiny

from looc_tf import config
from pipeline.steps import run_fn as module


class Stopped(Exception):
    """Ends the step where the training begins."""


@pytest.mark.parametrize("blessed", [True, False])
def test_the_blessed_model_comes_before_the_weights_of_the_config(tmp_path, monkeypatch, caplog, blessed):
    began = {}

    def train(experiment, out, resume, warm):
        began.update(weights=experiment.model.weights, warm=warm)
        raise Stopped

    monkeypatch.setattr(module, "train", train)
    caplog.set_level(logging.INFO, "pipeline")
    (tmp_path / "model" / "run").mkdir(parents=True)
    told = {"config": config.to_yaml(tiny.experiment("unused", "model.weights=some.keras")), "steps": 0}
    given = SimpleNamespace(
        custom_config=told,
        train_files=[str(tmp_path / "examples" / "Split-train" / "*")],
        base_model=str(tmp_path / "model" / "eval") if blessed else None,
        serving_model_dir=str(tmp_path / "Pretrain" / "model" / "1" / "Format-Serving"),
    )
    with pytest.raises(Stopped):
        module.run_fn(given)
    lines = [record.message for record in caplog.records if "model.weights" in record.message]
    if blessed:
        warm = tmp_path / "model" / "run"
        assert began == {"weights": None, "warm": warm}
        assert lines == [f"Starting warm from {warm}: model.weights=some.keras is not read"]
    else:
        assert began == {"weights": "some.keras", "warm": None} and lines == []
