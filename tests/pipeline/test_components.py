"""Steps on their own, with artifacts made by hand."""

import json

import pytest

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

import apache_beam as beam
import tensorflow as tf
from helpers import tiny
from PIL import Image
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import (
    ExampleAnomalies,
    Examples,
    ExampleStatistics,
    InfraBlessing,
    Model,
    ModelRun,
    Schema,
)

from looc_tf.data import Census
from looc_tf.errors import UserError
from pipeline.artifacts import DataReport
from pipeline.baseline import pointer
from pipeline.baseline.resolvers import LatestOther, LatestOtherBlessed
from pipeline.examples.shards import SHARD
from pipeline.steps.check_data import CheckData
from pipeline.steps.check_serving import CheckServing
from pipeline.steps.pictures import Pictures
from pipeline.steps.represent import named_splits


def at(kind, path):
    artifact = kind()
    artifact.uri = str(path)
    return artifact


def write_examples(folder, data, **options):
    examples, report = at(Examples, folder / "P" / "examples" / "1"), at(DataReport, folder / "P" / "report" / "1")
    Pictures.test_call(
        examples=examples,
        report=report,
        data=str(data),
        size=16,
        version="",
        fingerprint="",
        beam_pipeline=beam.Pipeline(),
        **options,
    )
    return examples, json.loads((folder / "P" / "report" / "1" / "report.json").read_text())


def read(examples):
    files = tf.io.gfile.glob(f"{examples.uri}/Split-*/*")
    records = tf.data.TFRecordDataset(sorted(files)).as_numpy_iterator()
    parsed = [tf.train.Example.FromString(record).features.feature for record in records]
    return {one["id"].bytes_list.value[0].decode(): one for one in parsed}


def test_pictures_keep_their_bytes_unless_a_server_could_not_read_them(tmp_path):
    pictures = tiny.draw(tmp_path / "pictures")
    Image.new("RGB", (20, 10), "red").save(pictures / "disc" / "wide.webp")
    (pictures / "bar" / "broken.png").write_bytes(b"no picture")
    examples, report = write_examples(tmp_path, pictures)
    found = read(examples)
    kept = found["disc/00.png"]
    assert kept["image"].bytes_list.value[0] == (pictures / "disc" / "00.png").read_bytes()
    assert found["disc/wide.webp"]["image"].bytes_list.value[0].startswith(b"\x89PNG")
    assert [found["disc/wide.webp"][side].int64_list.value[0] for side in ("width", "height")] == [20, 10]
    assert (report["broken"], [name for name, _ in report["named"]]) == (1, ["bar/broken.png"])
    census = Census.read(report["census"])
    assert (census.training + census.validation + census.test, census.skipped) == (49, 1)
    assert census.class_names == ("bar", "disc", "noise") and census.name == str(pictures)
    assert sum(report["pictures"].values()) == len(found) == 49
    assert (tmp_path / "P" / "examples" / "1" / "labels.txt").read_text().split() == ["bar", "disc", "noise"]
    assert {one["turn"].int64_list.value[0] for one in found.values()} == {0, 1, 2, 3}


def test_the_same_pictures_give_the_same_files(tmp_path):
    pictures = tiny.draw(tmp_path / "pictures")
    first, _ = write_examples(tmp_path / "a", pictures)
    second, _ = write_examples(tmp_path / "b", pictures)
    names = [name[len(first.uri) :] for name in tf.io.gfile.glob(f"{first.uri}/Split-*/*")]
    assert len(names) == 3 and SHARD > 48
    for name in names:
        assert tf.io.gfile.GFile(first.uri + name, "rb").read() == tf.io.gfile.GFile(second.uri + name, "rb").read()


def test_pictures_without_labels(tmp_path):
    pictures = tmp_path / "flat"
    pictures.mkdir()
    for number in range(12):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(pictures / f"{number}.png")
    examples, _ = write_examples(tmp_path, pictures)
    assert {one["labelled"].float_list.value[0] for one in read(examples).values()} == {0.0}
    assert not (tmp_path / "P" / "examples" / "1" / "labels.txt").exists()


@pytest.mark.parametrize(
    ("name", "words"), [("nothing", "does not exist"), ("empty", "Found no files"), ("broken", "All|none is sound")]
)
def test_a_folder_without_pictures(tmp_path, name, words):
    (tmp_path / "empty").mkdir()
    for number in range(12):
        (tmp_path / "broken").mkdir(exist_ok=True)
        (tmp_path / "broken" / f"{number}.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=words):
        write_examples(tmp_path, tmp_path / name)


@pytest.mark.parametrize("declared", [True, False])
def test_record_files_come_through_import_example_gen(tmp_path, declared):
    """Its driver would need metadata; the executor alone reads and splits."""
    from pipeline.definition.data_steps import import_records
    from pipeline.examples.origin import record_files
    from pipeline.steps.import_example_gen import ImportExecutor

    data = tmp_path / "records"
    data.mkdir()
    png = tf.io.encode_png(tf.zeros([16, 16, 3], tf.uint8)).numpy()
    for split, count in (("train", 30), ("test", 10)):
        with tf.io.TFRecordWriter(str(data / f"x-{split if declared else count}.tfrecord")) as writer:
            for number in range(count):
                features = {
                    "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])),
                    "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 2])),
                    "id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[f"{split}{number}".encode()])),
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    (data / "labels.txt").write_text("ant\nbee\n")
    step = import_records(record_files(str(data)))
    imported = at(Examples, tmp_path / "ImportExampleGen" / "examples" / "1")
    ImportExecutor().Do({}, {"examples": [imported]}, dict(step.exec_properties))
    examples, report = write_examples(tmp_path, data, imported=imported)
    found = read(examples)
    assert len(found) == 40 and sum(report["pictures"].values()) == 40 and not report["broken"]
    assert (tmp_path / "P" / "examples" / "1" / "labels.txt").read_text().split() == ["ant", "bee"]
    if declared:  # the library carves validation from train; test stays test
        assert report["pictures"]["test"] == 10 and report["pictures"]["validation"] > 0
    assert not (tmp_path / "work").exists() or not list((tmp_path / "work").iterdir())


def checked(tmp_path, change, pointed=False):
    """CheckData on the statistics of 48 pictures against their own schema, changed by hand."""
    import tensorflow_data_validation as tfdv

    from pipeline.examples.example import FEATURES

    examples, _ = write_examples(tmp_path, tiny.draw(tmp_path / "pictures"))
    options = tfdv.StatsOptions(feature_allowlist=list(FEATURES))
    files = f"{examples.uri}/Split-train/*"
    statistics = tfdv.generate_statistics_from_tfrecord(files, stats_options=options)
    schema = tfdv.infer_schema(statistics)
    change(schema)
    anomalies = tfdv.validate_statistics(statistics, schema)
    for name in ("statistics/Split-train", "anomalies/Split-train", "schema"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "statistics/Split-train/FeatureStats.pb").write_bytes(statistics.SerializeToString())
    (tmp_path / "anomalies/Split-train/SchemaDiff.pb").write_bytes(anomalies.SerializeToString())
    tfdv.write_schema_text(schema, str(tmp_path / "schema" / "schema.pbtxt"))
    found = at(ExampleAnomalies, tmp_path / "anomalies")
    found.split_names = artifact_utils.encode_split_names(["train"])
    report = at(DataReport, tmp_path / "report")
    previous = at(ExampleStatistics, tmp_path / "statistics")
    pointer.write_pointer(str(tmp_path / "blessed.json"), model="M", statistics=previous.uri)
    CheckData.test_call(
        statistics=at(ExampleStatistics, tmp_path / "statistics"),
        anomalies=found,
        schema=at(Schema, tmp_path / "schema"),
        pictures=at(DataReport, tmp_path / "P" / "report" / "1"),
        report=report,
        fingerprint="",
        **({"baseline_pointer": str(tmp_path / "blessed.json")} if pointed else {"previous": previous}),
    )
    return json.loads((tmp_path / "report" / "report.json").read_text())


@pytest.mark.parametrize("pointed", [False, True])
def test_pictures_that_fit_the_schema(tmp_path, pointed):
    told = checked(tmp_path, lambda schema: None, pointed)
    assert told["summary"]["height"]["max"] == 16 and told["summary"]["format"] == {"PNG": 37}
    assert told["moved"] == [] and set(told["drift"]) >= {"brightness", "format"}


def test_pictures_that_break_the_schema_stop_the_run(tmp_path):
    def demand(schema):
        domain = next(one for one in schema.string_domain if one.name == "format")
        domain.value[:] = ["JPEG"]

    with pytest.raises(UserError, match=r"break the schema: format \(train\)") as error:
        checked(tmp_path, demand)
    assert "\n" not in str(error.value)


def test_an_export_that_differs_from_what_was_evaluated_is_not_blessed(made, tmp_path, monkeypatch):
    from pipeline.serving import replay

    exported = made.root / "Pretrain" / "model"
    model = at(Model, next(exported.iterdir()))
    blessing = at(InfraBlessing, tmp_path / "blessing")
    run = at(ModelRun, made.artifact("ModelRun"))
    monkeypatch.setattr(replay, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match=r"The exported model and the evaluated one differ: .* Nothing was pushed"):
        CheckServing.test_call(model=model, model_run=run, blessing=blessing, fingerprint="")
    assert not (tmp_path / "blessing").exists()


def test_splits_to_embed():
    known = ["train", "validation", "test"]
    assert named_splits("all", known) == known and named_splits("test, train", known) == ["test", "train"]
    with pytest.raises(UserError, match=r"'tset' were asked for\. Expected all, or some of train, validation, test"):
        named_splits("tset", known)


def test_a_pointer(tmp_path):
    path = tmp_path / "blessed.json"
    assert pointer.read_pointer("", "model", Model) is None and pointer.read_pointer(str(path), "model", Model) is None
    pointer.write_pointer(str(path), model="gs://bucket/model")
    assert pointer.read_pointer(str(path), "model", Model).uri == "gs://bucket/model"
    assert pointer.read_pointer(str(path), "statistics", ExampleStatistics) is None
    path.write_text("[]")
    with pytest.raises(UserError, match="Expected a pointer that Push has written"):
        pointer.read_pointer(str(path), "model", Model)


def test_where_no_resolver_is_a_warm_start_begins_with_what_the_pointer_names(tmp_path, monkeypatch):
    from pipeline.steps import pretrain

    begun = []
    monkeypatch.setattr(pretrain.GenericExecutor, "Do", lambda self, inputs, *_: begun.append(inputs.get("base_model")))
    pointer.write_pointer(str(tmp_path / "blessed.json"), model="M")
    given = {"config": "c", "steps": 1, "fingerprint": "f"}
    for path in (None, str(tmp_path / "none.json"), str(tmp_path / "blessed.json")):
        pretrain.PretrainExecutor().Do({}, {}, {**given, "baseline_pointer": path})
    assert begun[:2] == [None, None] and [model.uri for model in begun[2]] == ["M"]


def test_a_run_is_compared_with_the_latest_other_blessed_model():
    def artifact(kind, number, **known):
        made = kind()
        made.id = number
        for key, value in known.items():
            made.set_int_custom_property(key, value)
        return made

    from tfx.types.standard_artifacts import ModelBlessing

    models = [artifact(Model, number) for number in (1, 2, 3, 4)]
    verdicts = [(1, 1), (2, 1), (3, 0), (4, 1)]
    blessings = [
        artifact(ModelBlessing, 10 + number, current_model_id=number, blessed=blessed) for number, blessed in verdicts
    ]
    for candidate, right in ((4, [2]), (5, [4]), (2, [4])):
        given = {"model": models, "blessing": blessings, "candidate": [artifact(Model, candidate)]}
        found = LatestOtherBlessed().resolve_artifacts(None, given)["model"]
        assert [model.id for model in found] == right
    given = {"earlier": models[:1], "current": models[:1]}
    assert LatestOther().resolve_artifacts(None, given)["earlier"] == []
