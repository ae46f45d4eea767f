"""The compiled jobs: valid, without a path of this machine, guarded by a golden file, and carried out step by step."""

import json
import os
from pathlib import Path

import pytest
import yaml

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.version import __version__ as TFX

from looc_tf.errors import UserError
from looc_tf.experiments import load
from pipeline.definition import PipelineSettings
from pipeline.runners.kubeflow import compile_pipeline, write
from pipeline.runners.rehearse import carry_out, order, rehearse

GOLDEN = Path(__file__).parent / "golden"
RENEW = "RENEW_GOLDEN"  # set it to write the golden files anew, then read the difference
OPERATORS = {"config", "data", "data_version", "steps", "thresholds", "model_name", "serving_root", "embed"}


@pytest.fixture(scope="module")
def compiled():
    """target -> the compiled job of a shipped config."""
    experiment = load("factors/looc")
    roots = {"kubeflow": "", "vertex": "gs://bucket/looc"}
    return {
        target: compile_pipeline(target, experiment, "factors", image="looc:1", root=root)
        for target, root in roots.items()
    }


def steadied(job):
    """A job without what changes with every line of code or of a config."""

    def walk(value, key=""):
        if isinstance(value, dict):
            return {name: walk(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [walk(part) for part in value]
        return value

    made = walk(job)
    spec = made.get("pipelineSpec", made)
    for task in spec["root"]["dag"]["tasks"].values():
        task.get("inputs", {}).get("parameters", {}).pop("fingerprint", None)
    if "pipelineSpec" in made:
        made["runtimeConfig"]["parameters"].pop("config")
        made.pop("labels", None)
    else:
        made["root"]["inputDefinitions"]["parameters"]["config"].pop("defaultValue")
    return made


@pytest.mark.skipif(TFX != "1.15.1", reason="each TFX writes its version and its settings of statistics")
@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_the_golden_file(compiled, target):
    path = GOLDEN / f"{target}.json"
    text = json.dumps(steadied(compiled[target]), indent=1, sort_keys=True) + "\n"
    if os.environ.get(RENEW):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert json.loads(text) == json.loads(path.read_text()), f"meant? then {RENEW}=1 pytest {__file__}"


@pytest.mark.parametrize(("target", "version"), [("kubeflow", "2.1.0"), ("vertex", "2.0.0")])
def test_it_is_a_pipeline_of_kubeflows_schema(compiled, target, version):
    spec = compiled[target].get("pipelineSpec", compiled[target])
    read = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    assert read.schema_version == version and "Pretrain" in read.root.dag.tasks


def test_parameters_of_the_operator_have_defaults(compiled):
    known = compiled["kubeflow"]["root"]["inputDefinitions"]["parameters"]
    assert set(known) == OPERATORS | {"baseline_pointer"}
    assert all(about["isOptional"] and "defaultValue" in about for about in known.values())
    assert set(compiled["vertex"]["runtimeConfig"]["parameters"]) == OPERATORS


def test_no_path_of_this_machine_is_in_them(compiled):
    for job in compiled.values():
        text = json.dumps(job)
        assert not any(place in text for place in ("/home/", "/tmp/", "/root/", str(Path(__file__).parents[2])))


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_only_the_training_asks_for_a_gpu(compiled, target):
    spec = compiled[target].get("pipelineSpec", compiled[target])
    executors = spec["deploymentSpec"]["executors"]
    asking = [name for name, one in executors.items() if "accelerator" in one.get("container", {}).get("resources", {})]
    assert asking == ["Pretrain_executor"]
    hidden = {"name": "CUDA_VISIBLE_DEVICES", "value": "-1"}
    kept_off = [name for name, one in executors.items() if hidden in one.get("container", {}).get("env", [])]
    assert set(kept_off) == {name for name, one in executors.items() if "container" in one} - set(asking)


def test_kubeflow_gets_no_resolver_and_vertex_its_own(compiled):
    kinds = {
        target: {kind for one in (job.get("pipelineSpec", job))["deploymentSpec"]["executors"].values() for kind in one}
        for target, job in compiled.items()
    }
    assert kinds == {"kubeflow": {"container"}, "vertex": {"container", "resolver"}}


def test_a_path_in_the_config_does_not_get_into_the_job():
    experiment = load("factors/looc", ["data.name=/home/me/photos"])
    assert "/home/me" not in json.dumps(compile_pipeline("kubeflow", experiment, "gs://bucket/photos", image="looc:1"))


@pytest.mark.parametrize(("option", "value"), [("data", "/home/me/photos"), ("schema", "./schema.pbtxt")])
def test_a_path_of_this_machine_is_refused(option, value):
    with pytest.raises(UserError, match=f"--{option} is a path of this machine"):
        compile_pipeline("kubeflow", load("factors/looc"), **{"data": "factors", "image": "looc:1", option: value})


def test_a_misspelt_way_to_find_the_baseline_is_refused():
    """It would find none, and the gate would judge by floors alone."""
    with pytest.raises(UserError, match=r"Unknown baseline 'poiner'\. Did you mean 'pointer'\?"):
        PipelineSettings(root="", config="factors/looc", data="factors", size=64, baseline="poiner")


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_a_schema_and_a_warm_start(target):
    """A resolver finds the weights on Vertex; on Kubeflow the step reads the pointer."""
    options = {"root": "gs://bucket/looc"} if target == "vertex" else {}
    job = compile_pipeline(
        target,
        load("factors/looc"),
        "factors",
        "looc:1",
        **options,
        schema="gs://b/schema.pbtxt",
        warm_start=True,
    )
    tasks = job.get("pipelineSpec", job)["root"]["dag"]["tasks"]
    assert "gs://b/schema.pbtxt" in json.dumps(tasks["ImportSchemaGen"]) and "SchemaGen" not in tasks
    inputs, resolved = tasks["Pretrain"]["inputs"], target == "vertex"
    assert ("baseline_pointer" in inputs["parameters"]) != resolved
    assert ("base_model" in inputs["artifacts"]) == any(name.startswith("WarmStart") for name in tasks) == resolved


def test_files_of_both_kinds(compiled, tmp_path):
    write(compiled["kubeflow"], tmp_path / "pipeline.yaml")
    write(compiled["vertex"], tmp_path / "pipeline.json")
    assert yaml.safe_load((tmp_path / "pipeline.yaml").read_text()) == compiled["kubeflow"]
    assert json.loads((tmp_path / "pipeline.json").read_text()) == compiled["vertex"]
    with pytest.raises(UserError, match=r"Expected a \.yaml or \.json"):
        write(compiled["vertex"], tmp_path / "pipeline.txt")


def test_tasks_wait_for_what_they_need(compiled):
    tasks = order(compiled["kubeflow"]["root"]["dag"]["tasks"])
    assert tasks[0] == "Pictures" and tasks[-1] == "Report" and tasks.index("Gate") < tasks.index("Push")


@pytest.mark.timeout(1200)
def test_every_step_of_the_compiled_job_runs_through_tfxs_entry_point_and_pushes(tmp_path):
    """And the gate once more: now the pointer names the model that was pushed, and it is compared with.

    So are the pictures with its own.
    """
    from helpers import tiny

    pictures = tiny.draw(tmp_path / "pictures")
    job = compile_pipeline("kubeflow", tiny.experiment("pictures"), "pictures", image="looc:1")
    write(job, tmp_path / "pipeline.yaml")
    spec = yaml.safe_load((tmp_path / "pipeline.yaml").read_text())
    given = {"data": str(pictures), "serving_root": str(tmp_path / "serving"), "steps": 2}
    given["baseline_pointer"] = str(tmp_path / "blessed.json")
    done = rehearse(spec, tmp_path / "one", given)
    assert len(done) == 12 and (tmp_path / "one" / "Report" / "report" / "report.html").is_file()
    [version] = (path for path in (tmp_path / "serving" / "looc").iterdir() if path.is_dir())
    assert (version / "saved_model.pb").is_file()
    named = json.loads((tmp_path / "blessed.json").read_text())
    judged = str(tmp_path / "one" / "FitProbes" / "model")
    assert named == {"model": judged, "statistics": str(tmp_path / "one" / "StatisticsGen" / "statistics")}
    told = json.loads((tmp_path / "one" / "Gate" / "evaluation" / "gate.json").read_text())
    assert told["blessed"] and not told["baseline"]
    values = {name: about["defaultValue"] for name, about in spec["root"]["inputDefinitions"]["parameters"].items()}
    again = {name: carry_out(spec, name, tmp_path / name, values | given, done) for name in ("CheckData", "Gate")}
    told = json.loads((tmp_path / "Gate" / "evaluation" / "gate.json").read_text())
    assert told["blessed"] and told["baseline"] == judged
    assert again["Gate"]["artifacts"]["blessing"]["artifacts"][0]["metadata"]["blessed"] == 1
    assert json.loads((tmp_path / "CheckData" / "report" / "report.json").read_text())["drift"]
