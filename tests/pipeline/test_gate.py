"""The gate in every situation: what is blessed, what is refused, and what is said of it."""

import json
from pathlib import Path

import pytest

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

import by_hand
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelBlessing, ModelEvaluation, PushedModel

from looc_tf.config import Gate
from looc_tf.errors import UserError
from pipeline.judging import thresholds
from pipeline.steps.gate import GateExecutor
from pipeline.steps.push import PushExecutor
from pipeline.steps.report import notes

TRUNK, COLOR, TURN = "trunk.object", "color.object", "trunk.rotation"


@pytest.fixture
def judge(tmp_path):
    """Judges models of the given shares of right answers; returns the blessing and gate.json."""
    tmp_path = Path(tmp_path)

    def run(candidate, baseline=None, gate=None, labelled=by_hand.COUNT):
        inputs = {
            "examples": [by_hand.examples(tmp_path / "examples", labelled)],
            "model": [by_hand.model(tmp_path / "new", candidate, 2, by_hand.COUNT - labelled)],
        }
        if baseline:
            inputs["baseline_model"] = [by_hand.model(tmp_path / "old", baseline)]
        evaluation, blessing = ModelEvaluation(), ModelBlessing()
        evaluation.uri, blessing.uri = str(tmp_path / "evaluation"), str(tmp_path / "blessing")
        outputs = {"evaluation": [evaluation], "blessing": [blessing]}
        gate = Gate(floor=10, drop=5) if gate is None else gate
        GateExecutor().Do(inputs, outputs, {"thresholds": thresholds.to_text(gate), "fingerprint": ""})
        told = json.loads((tmp_path / "evaluation" / "gate.json").read_text())
        assert told["blessed"] == (blessing.get_int_custom_property("blessed") == 1)
        return blessing, told

    return run


def test_without_a_baseline_floors_decide_alone(judge):
    _, told = judge({TRUNK: 0.5, TURN: 0.3})
    assert told["blessed"] and not told["baseline"] and not told["reasons"]
    assert told["outputs"][TRUNK]["value"] == 50
    assert told["outputs"][TURN]["drop"] is None
    assert "floors alone" in notes(told, {"broken": 0}, "")[0]


def test_below_a_floor_is_refused(judge):
    _, told = judge({TRUNK: 0.5, COLOR: 0.5}, gate=Gate(floor=10, floors={"color": {"object": 60}}))
    assert not told["blessed"] and told["reasons"] == [f"{COLOR} reads 50.0 %, below its floor of 60 %"]


def test_better_is_blessed(judge):
    _, told = judge({TRUNK: 0.6, TURN: 0.5}, {TRUNK: 0.5, TURN: 0.5})
    assert told["blessed"] and told["baseline"].endswith("old")
    assert (told["outputs"][TRUNK]["value"], told["outputs"][TRUNK]["baseline"]) == (60, 50)


def test_worse_by_more_than_allowed_is_refused_and_never_pushed(judge, tmp_path):
    blessing, told = judge({TRUNK: 0.5}, {TRUNK: 0.8})
    assert told["reasons"] == [f"{TRUNK} fell from 80.0 to 50.0 %, by more than the 5 points allowed"]
    lines = notes(told, {"broken": 0}, "")
    assert lines[0].startswith("Not pushed") and "fell from 80.0" in lines[1]
    infra, pushed, model = InfraBlessing(), PushedModel(), Model()
    infra.set_int_custom_property("blessed", 1)
    pushed.uri, model.uri = str(tmp_path / "Push" / "pushed_model" / "1"), str(tmp_path / "new")
    inputs = {"model": [model], "model_blessing": [blessing], "infra_blessing": [infra]}
    PushExecutor().Do(inputs, {"pushed_model": [pushed]}, {"serving_root": str(tmp_path / "s"), "model_name": "looc"})
    assert pushed.get_int_custom_property("pushed") == 0 and not (tmp_path / "s").exists()


def test_worse_by_less_than_allowed_is_blessed(judge):
    assert judge({TRUNK: 0.5}, {TRUNK: 0.525})[1]["blessed"]


def test_one_worse_space_outweighs_a_better_total(judge):
    _, told = judge({"concat.object": 0.9, TRUNK: 0.9, COLOR: 0.5}, {"concat.object": 0.6, TRUNK: 0.6, COLOR: 0.8})
    assert not told["blessed"] and len(told["reasons"]) == 1 and told["reasons"][0].startswith(COLOR)


def test_pictures_without_labels_are_judged_by_their_copies(judge):
    _, told = judge({TURN: 0.4, "all.rotation": 0.5}, {TURN: 0.8, "all.rotation": 0.5}, labelled=0)
    assert list(told["outputs"]) == [TURN, "all.rotation"]
    assert [reason.partition(" ")[0] for reason in told["reasons"]] == [TURN]


def test_pictures_of_unknown_label_do_not_count(judge):
    _, told = judge({TRUNK: 1.0, TURN: 1.0}, {TRUNK: 1.0, TURN: 1.0}, labelled=by_hand.COUNT // 2)
    assert told["blessed"] and told["outputs"][TRUNK]["value"] == 100


def test_a_space_that_the_baseline_lacks_counts_by_its_floor(judge):
    _, told = judge({TRUNK: 0.5, COLOR: 0.5}, {TRUNK: 0.5})
    assert told["blessed"] and told["outputs"][COLOR]["drop"] is None and told["outputs"][TRUNK]["drop"] == 5


@pytest.mark.parametrize("others", [{}, {COLOR: 0.5}])
def test_from_nothing_right_a_model_can_only_rise(judge, others):
    """TFMA cannot divide by such a baseline, and would refuse every model."""
    _, told = judge({TRUNK: 0.5, **others}, {TRUNK: 0.0, **others})
    assert told["blessed"] and not told["reasons"] and told["baseline"].endswith("old")
    assert (told["outputs"][TRUNK]["value"], told["outputs"][TRUNK]["baseline"]) == (50, 0)


def test_from_nothing_right_the_others_are_still_compared(judge):
    blessing, told = judge({TRUNK: 0.5, COLOR: 0.5}, {TRUNK: 0.0, COLOR: 0.8})
    assert [reason.partition(" ")[0] for reason in told["reasons"]] == [COLOR]
    assert [path.name for path in Path(blessing.uri).iterdir()] == ["NOT_BLESSED"]


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (Gate(floors={"colour": {"object": 1}}), "'colour'. Did you mean 'color'?"),
        (Gate(drops={"color": {"objects": 1}}), "'objects'. Did you mean 'object'?"),
        (Gate(drops={"color": {"texture": 1}}), "no such label"),
        (Gate(floor=150), "between 0 and 100"),
    ],
)
def test_a_threshold_that_no_output_answers(gate, words):
    about = {"representation": "color", "probe": "object", "label": "label", "classes": 2, "names": []}
    with pytest.raises(UserError) as error:
        thresholds.demands(gate, {COLOR: about}, {})
    assert words in str(error.value)


def test_thresholds_survive_their_text():
    gate = Gate(floor=3, drops={"trunk": {"object": 2}})
    assert thresholds.from_text(thresholds.to_text(gate)) == gate
    with pytest.raises(UserError, match="JSON"):
        thresholds.from_text("{drop")
