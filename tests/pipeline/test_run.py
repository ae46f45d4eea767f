"""The whole pipeline on little pictures: what it leaves, what the cache answers, what an operator sees."""

import json
import shlex
import shutil

import pytest

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

import numpy as np
import pandas as pd

import looc_tf
from looc_tf.errors import UserError
from pipeline import fingerprint
from pipeline.metadata import history, status
from pipeline.serving import replay
from pipeline.storage import examples_glob

CHANGED = ["Pretrain", "CheckServing", "FitProbes", "Represent", "Gate", "Push", "Report"]


def test_a_first_run_pushes_a_model_that_answers(made):
    assert made.done.blessed, made.done.messages
    model = status.latest_pushed(made.root)
    assert model.parent == made.root / "serving" / "looc"
    lines = list(replay.check_pushed(model))
    assert [line.partition(":")[0] for line in lines] == ["serving_default", "images", "squares", "examples"]
    page = (model.parent / "serving.md").read_text()
    start = page.partition("```sh\n")[2].partition("```")[0]  # its folder is called as no shell takes it unquoted
    assert f"{model.parent}:/models/looc" in shlex.split(start)
    assert all(name in page for name in ("image_bytes", "images=", "examples="))


def test_the_page_tells_what_happened(made):
    page = (made.artifact("pipeline.RunReport") / "report.html").read_text()
    assert "Blessed, judged against floors alone" in page and "Pushed to" in page
    assert "1 broken pictures were left out: disc/broken.png" in page


def test_the_page_decodes_the_test_part_and_one_training_picture(made, tmp_path, monkeypatch):
    from tfx.types import standard_artifacts as kinds

    from looc_tf.data import source
    from pipeline import artifacts
    from pipeline.steps.report import Report

    def given(kind, path):
        artifact = kind()
        artifact.uri = str(path)
        return artifact

    test, decoded = looc_tf.open_source(str(made.pictures), "test", size=16).ids, []
    decode_all, decode_one = source.decode_all, source.decode_one
    monkeypatch.setattr(source, "decode_all", lambda *given: decoded.extend(given[1]) or decode_all(*given))
    monkeypatch.setattr(source, "decode_one", lambda *given: decoded.append("one") or decode_one(*given))
    pushed = given(kinds.PushedModel, made.artifact("PushedModel"))
    pushed.set_string_custom_property("pushed_destination", str(status.latest_pushed(made.root)))
    Report.test_call(
        examples=given(kinds.Examples, made.artifact("Examples")),
        data=given(artifacts.DataReport, next((made.root / "CheckData" / "report").iterdir())),
        model=given(kinds.Model, made.artifact("Model")),
        evaluation=given(kinds.ModelEvaluation, made.artifact("ModelEvaluation")),
        pushed=pushed,
        report=given(artifacts.RunReport, tmp_path),
        fingerprint="",
    )
    assert sorted(decoded) == sorted([*test, "one"])
    assert (tmp_path / "report.html").read_text() == (made.artifact("pipeline.RunReport") / "report.html").read_text()


def test_the_evaluator_reads_what_the_library_reads(made):
    """Labels are the same question; the rotation probe sees each picture in one of its four turns."""
    told = json.loads((made.artifact("ModelEvaluation") / "gate.json").read_text())["outputs"]
    records = json.loads((made.artifact("Model") / "run" / "results.json").read_text())
    assert {f"{r['representation']}.{r['probe']}" for r in records if r["probe"] != "knn"} == set(told)
    for record in records:
        if record["probe"] in ("object", "hue"):
            name = f"{record['representation']}.{record['probe']}"
            assert told[name]["value"] == pytest.approx(record["value"], abs=1e-3), name


def test_examples_are_the_librarys_parts_and_embeddings_are_the_models(made):
    source = looc_tf.open_source(examples_glob(str(made.artifact("Examples"))), "test", size=16)
    direct = looc_tf.open_source(str(made.pictures), "test", size=16)
    assert source.ids == direct.ids and source.fields == direct.fields
    table = pd.concat(pd.read_parquet(path) for path in made.artifact("pipeline.Embeddings").glob("test*.parquet"))
    assert sorted(table["id"]) == sorted(source.ids)
    run = looc_tf.load_run(made.artifact("ModelRun") / "run")
    rows = looc_tf.Embedder.from_run(run).images(source.fetch(np.arange(len(source)))["image"])
    right = dict(zip(source.ids, rows["rotation"].numpy()))
    for name, row in zip(table["id"], table["rotation"]):
        np.testing.assert_allclose(row, right[name], atol=1e-4)


def test_a_second_run_comes_from_the_cache(made):
    done, states = made.again()
    steps = {name: state for name, state in states.items() if name not in ("Baseline", "EarlierStatistics")}
    assert set(steps.values()) == {"from the cache"} and len(steps) == 12
    assert done.blessed and len(list((made.root / "serving" / "looc").iterdir())) == 2  # a version, serving.md


def test_changed_code_is_never_served_from_the_cache(made, monkeypatch, tmp_path):
    for package in fingerprint.PACKAGES:
        shutil.copytree(fingerprint._root() / package, tmp_path / package)
    with (tmp_path / "looc_tf" / "losses" / "info_nce.py").open("a") as file:
        file.write("# one more line\n")
    monkeypatch.setattr(fingerprint, "_root", lambda: tmp_path)
    done, states = made.again("gate.floor=0", "gate.drop=100")
    assert [name for name in states if states[name] == "done" and name in CHANGED] == [
        name for name in states if name in CHANGED
    ]
    assert states["Pictures"] == states["StatisticsGen"] == states["CheckData"] == "from the cache"
    assert done.blessed
    told = json.loads((made.artifact("ModelEvaluation") / "gate.json").read_text())
    assert told["baseline"]  # the first run's model


def test_a_step_that_fails_is_named_and_the_next_run_goes_on(made, monkeypatch):
    from pipeline import experiments

    broken = made.root / "serving" / "blocked"
    broken.write_text("a file where a folder should be")
    with pytest.raises(UserError, match=r"^Step Push failed: .*run again to go on"):
        made.again(model_name="blocked")
    broken.unlink()
    done, states = made.again(model_name="blocked")
    assert done.blessed and states["Push"] == "done" and states["Gate"] == "from the cache"
    assert experiments  # imported under TFX


def test_status_lists_runs_steps_and_models(made):
    from rich.console import Console

    console = Console(record=True, width=200)
    for table in status.tables(made.root):
        console.print(table)
    text = console.export_text()
    assert all(word in text for word in ("Pretrain", "blessed", "floors alone", str(made.root / "serving" / "looc")))


def test_metadata_of_another_layout_is_one_line(made, tmp_path):
    import sqlite3

    from pipeline.runners import local_dag_runner

    (tmp_path / "old").mkdir()
    shutil.copy(made.root / history.STORE, tmp_path / "old")
    with sqlite3.connect(tmp_path / "old" / history.STORE) as store:
        store.execute("UPDATE MLMDEnv SET schema_version = 4")
    for act in (local_dag_runner.prepare, history.open_store):
        with pytest.raises(UserError, match="another version of TFX") as error:
            act(tmp_path / "old")
        assert "\n" not in str(error.value)


def test_a_root_that_cannot_be_written(tmp_path):
    from pipeline.runners import local_dag_runner

    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Choose another --root"):
        local_dag_runner.prepare(tmp_path / "file")


def test_nothing_pushed_yet_is_said(tmp_path):
    with pytest.raises(UserError, match="Expected the root of a pipeline"):
        status.latest_pushed(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_warm_start_begins_with_the_weights_of_the_blessed_model(made):
    done, states = made.again("seed=5", "training.steps=0", "gate.drop=100", warm_start=True)
    assert done.blessed and states["Pretrain"] == "done"
    *_, judged = history.blessings(history.open_store(made.root))
    assert judged.custom_properties["baseline_model"].string_value
    run = made.artifact("ModelRun") / "run"
    assert "The encoders begin with those of" in (run / "train.log").read_text()
    earlier = looc_tf.load_run(f"{judged.custom_properties['baseline_model'].string_value}/run").method
    for one, other in zip(looc_tf.load_run(run).method.encoder.variables, earlier.encoder.variables):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
