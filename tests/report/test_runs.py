"""Where the results on other pictures than a run's own are put."""

import json
import re
import types

import pytest

from looc_tf import config
from looc_tf.data.places import same_place
from looc_tf.errors import UserError
from looc_tf.evaluate import Reading
from looc_tf.experiments import load
from looc_tf.report.runs import _beside, evaluation_of, write_readings
from looc_tf.results import Provenance, write_results


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("imagenette/160px:1.0.0", "on-imagenette-160px-1.0.0"),  # a TFDS name
        ("{tmp}/photos", "on-photos"),
        ("{tmp}/photos/", "on-photos"),
        ("{tmp}/photos/*.tfrecord*", "on-photos"),
        ("{tmp}/a photo [2]", "on-a-photo-2"),
        ("..", "on-data"),
        ("~nobody/x", "on-nobody-x"),
    ],
)
def test_a_folder_is_named_after_the_pictures(data, name, tmp_path):
    for there in ("photos", "a photo [2]"):
        (tmp_path / there).mkdir()
    assert _beside(tmp_path, Provenance(data=data.format(tmp=tmp_path), pictures_sha256="c" * 64)) == name


def test_two_data_sets_of_one_name_have_folders_of_their_own(tmp_path):
    known = Provenance(data="photos", pictures_sha256="c" * 64)
    record = {"run": "r", "method": "m", "seed": 0, "representation": "trunk", "probe": "hue", "value": 1.0}
    (tmp_path / "on-photos" / "best").mkdir(parents=True)
    write_results(tmp_path / "on-photos" / "best" / "results.json", [{**record, "pictures_sha256": "d" * 64}])
    assert _beside(tmp_path, known) == "on-photos-cccccccc"
    assert _beside(tmp_path, Provenance(data="photos", pictures_sha256="d" * 64)) == "on-photos"


def test_one_place_in_several_spellings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert same_place("photos", str(tmp_path / "photos")) and same_place("./photos/", "photos")
    assert not same_place("photos", "other") and same_place("~nobody/x", "~nobody/x")


def test_evaluations_are_added_to_those_of_the_config_and_their_settings_changed_for_once():
    experiment = load("cifar10/looc-rotation")
    settings = evaluation_of(experiment, ("few_shot", "object"), ("evaluation.shots=[1,5]", "evaluation.draws=3"))
    assert settings.probes == (*experiment.evaluation.probes, "few_shot")
    assert (settings.shots, settings.draws, settings.limit) == ((1, 5), 3, experiment.evaluation.limit)
    assert evaluation_of(experiment) == experiment.evaluation
    alone = evaluation_of(experiment, ("few_shot",), ("evaluation.probes=[knn]",))
    assert alone.probes == ("knn", "few_shot")


@pytest.mark.parametrize(
    ("more", "overrides", "line"),
    [
        (("few_shots",), (), "Unknown probe 'few_shots'. Did you mean 'few_shot'"),
        ((), ("training.steps=3",), "a field of evaluation to change, such as --set evaluation.draws=5. Received 't"),
        ((), ("evaluation.draw=3",), "unknown key 'evaluation.draw'. Did you mean 'draws'"),
        ((), ("evaluation.draws=0",), "evaluation.draws should be above 0"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(more, overrides, line):
    with pytest.raises(UserError, match=re.escape(line)):
        evaluation_of(load("cifar10/looc-rotation"), more, overrides)


@pytest.mark.parametrize("drawn", [False, True])
def test_curves_are_drawn_beside_the_matrix_where_there_are_some(drawn, tmp_path):
    run = types.SimpleNamespace(path=tmp_path / "run", experiment=config.Experiment())
    points = [f"/{strength} {measure}" for strength in (0, 0.5) for measure in ("cosine", "kept", "found")]
    read = [Reading("trunk", f"invariance@hue{what}", 50.0, 2.0, float("nan")) for what in ["", *points * drawn]]
    done = write_readings(run, read, Provenance(checkpoint="last"))
    assert (done.path / "matrix.png").is_file() and (done.path / "invariance.png").is_file() == drawn
    assert [record["probe"] for record in json.loads((done.path / "results.json").read_text(encoding="utf8"))] == [
        reading.probe for reading in read
    ]
