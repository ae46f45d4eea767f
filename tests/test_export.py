"""The exported model: alone, whole, equal to what was evaluated, and hard to upset."""

import json
import re
import resource
import shlex
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract
from helpers.odd_pictures import odd_pictures, other_formats, save

from looc_tf.data.decode import decode_square
from looc_tf.errors import UserError
from looc_tf.evaluate.features import Features
from looc_tf.export import Embedder, answers, export, latest, saved_model, warmup, write_serving_page
from looc_tf.models import Encoder

NAMES = ["trunk", "all", "color", "rotation"]


@pytest.fixture(scope="module")
def encoder():
    tf.keras.utils.set_random_seed(5)
    return Encoder(contract.MODEL, NAMES[1:])


@pytest.fixture(scope="module")
def embedder(encoder):
    """Held at 24 pixels and seen at 16, so that no resize is the identity."""
    return Embedder(encoder, data_size=24, view_size=16, about={"experiment": "tiny"})


@pytest.fixture(scope="module")
def exported(embedder, tmp_path_factory):
    return export(embedder, tmp_path_factory.mktemp("exports") / "tiny")


@pytest.fixture(scope="module")
def chosen(embedder):
    """Answers with one representation alone."""
    return embedder.answering("all+color")


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported))


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).integers(0, 256, (5, 24, 24, 3), np.uint8)


def close(rows, others, atol=1e-5):
    assert set(rows) == set(others)
    for name in rows:
        np.testing.assert_allclose(np.asarray(rows[name]), np.asarray(others[name]), rtol=0, atol=atol, err_msg=name)


def test_embeddings_are_those_of_the_encoder(encoder, embedder, pictures):
    views = tf.image.resize(pictures, [16, 16], antialias=True) / 255.0
    close(embedder.images(pictures), encoder(views, training=False))
    assert embedder.representations == {name: rows.shape[1] for name, rows in encoder(views).items()}


def test_all_ways_in_agree(embedder):
    picture = save(np.random.default_rng(2).integers(0, 256, (50, 70, 3)))
    rows = embedder.encoded(tf.constant([picture, picture]))
    close(rows, embedder.images(tf.repeat(decode_square(tf.constant(picture), 24)[None], 2, axis=0)))
    close(rows, embedder.images(tf.repeat(tf.io.decode_png(picture)[None], 2, axis=0)))  # of another size
    floats = tf.cast(tf.io.decode_png(picture), tf.float32)[None]
    close(embedder.images(floats), {name: value[:1] for name, value in rows.items()})
    for key in ("image", "image/encoded"):
        close(rows, embedder.examples(tf.constant([example(**{key: picture})] * 2)))


def example(**features):
    values = {key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value])) for key, value in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=values)).SerializeToString()


def test_an_example_without_a_picture_is_refused(loaded):
    serve = loaded.signatures["examples"]
    for wrong in (example(label=b"cat"), b"not an example at all"):
        with pytest.raises(tf.errors.InvalidArgumentError):
            serve(examples=tf.constant([wrong]))


def test_one_graph_serves_every_batch_and_size(embedder):
    for shape in ((1, 24, 24, 3), (3, 24, 24, 3), (2, 30, 41, 3)):
        embedder.images(np.zeros(shape, np.uint8))
    assert embedder.pixels.experimental_get_tracing_count() == 1


ALONE = """
import pathlib, sys
import numpy as np, tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
given = pathlib.Path(sys.argv[2])
files = [path.read_bytes() for path in sorted(given.glob("*.png"))]
outputs = {"images": loaded.signatures["images"](images=tf.constant(np.load(given / "pixels.npy")))}
outputs["files"] = loaded.signatures["serving_default"](image_bytes=tf.constant(files))
rows = {f"{way} {name}": value for way, found in outputs.items() for name, value in found.items()}
np.savez(given / "rows.npz", **rows)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"looc_tf", "keras_cv", "tensorflow_addons"}))
"""


@pytest.mark.parametrize("what", ["embedder", "chosen"])
def test_loads_with_nothing_but_tensorflow(exported, pictures, tmp_path, what, request):
    embedder = request.getfixturevalue(what)
    exported = exported if what == "embedder" else export(embedder, tmp_path / "exports")
    np.save(tmp_path / "pixels.npy", pictures)
    for number, picture in enumerate(pictures):
        (tmp_path / f"{number}.png").write_bytes(tf.io.encode_png(picture).numpy())
    command = [sys.executable, "-c", ALONE, str(exported), str(tmp_path)]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1"}  # and no PYTHONPATH
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=quiet)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"
    rows = np.load(tmp_path / "rows.npz")
    for name, value in embedder.images(pictures).items():
        for way in ("images", "files"):
            np.testing.assert_allclose(rows[f"{way} {name}"], value, rtol=0, atol=1e-5, err_msg=f"{way} {name}")


def test_holds_the_query_encoder_and_nothing_else(tmp_path):
    experiment = contract.CASES["looc++"]
    method = contract.build(experiment)
    method.train_step(contract.make_batch(experiment))  # the optimizer has its variables now
    run = types.SimpleNamespace(experiment=experiment, method=method, step=1)
    embedder = Embedder.from_run(run)
    path = export(embedder, tmp_path)
    saved = dict(tf.train.list_variables(str(path / "variables" / "variables")))
    assert saved.pop("_CHECKPOINTABLE_OBJECT_GRAPH") == []
    assert sorted(saved.values()) == sorted(list(weight.shape) for weight in method.encoder.weights)
    graph = saved_names(path)
    assert not {name for name in graph if any(word in name for word in ("key_encoder", "queue", "sgd", "momentum:"))}
    assert not list(path.rglob("keras_metadata.pb"))
    size = 4 * sum(weight.shape.num_elements() for weight in method.encoder.weights)
    assert sum(file.stat().st_size for file in (path / "variables").iterdir()) < 1.1 * size + 20_000
    spaces = [space.name for space in experiment.method.spaces]
    outputs = tf.saved_model.load(str(path)).signatures["images"].structured_outputs
    assert set(outputs) == {"trunk", *spaces, *(f"branch_{name}" for name in spaces)}


CHOSEN = {
    "trunk": ["trunk"],
    "color": ["color"],
    "all+rotation": ["all", "rotation"],
    "concat": NAMES[1:],
}


@pytest.mark.parametrize("name", CHOSEN)
def test_one_representation_is_the_plain_answer_as_the_evaluator_read_it(embedder, pictures, tmp_path, name):
    path = export(embedder.answering(name), tmp_path)
    seen = Features({"upright": {key: np.asarray(rows) for key, rows in embedder.images(pictures).items()}}, {})
    loaded = tf.saved_model.load(str(path))
    for signature, given in (("images", pictures), ("squares", pictures), ("serving_default", None)):
        files = {"image_bytes": tf.constant([tf.io.encode_png(picture).numpy() for picture in pictures])}
        found = loaded.signatures[signature](**(files if given is None else {signature: tf.constant(given)}))
        close(found, {"embedding": seen.of("upright", name)})
    about, width = json.loads((path / "assets.extra" / "looc.json").read_text()), seen.of("upright", name).shape[1]
    assert about["representation"] == {"name": name, "parts": CHOSEN[name], "width": width}
    assert about["representations"] == {"embedding": width} and about["experiment"] == "tiny"
    assert answers(path) == f"embedding, which is {name}, {width} numbers a picture"
    assert set(dict(warmup_requests(path))) == set(loaded.signatures)


@pytest.mark.parametrize("name", ["colour", "all+colour", "all+", "", "embedding", "branch_all"])
def test_a_representation_that_is_not_there_is_one_line_with_those_that_are(embedder, name):
    with pytest.raises(UserError, match=r"Unknown representation .* trunk, all, color, rotation, concat, or some of"):
        embedder.answering(name)


def test_without_spaces_there_is_no_concat(pictures):
    bare = Embedder(Encoder(contract.MODEL, []), data_size=24, view_size=24)
    with pytest.raises(UserError, match=r"Expected one of trunk, or some of"):
        bare.answering("concat")
    close(bare.answering("trunk").images(pictures), {"embedding": bare.images(pictures)["trunk"]})


def saved_names(path):
    """Names of everything that is saved as a variable."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel.FromString((path / "saved_model.pb").read_bytes())
    nodes = model.meta_graphs[0].object_graph_def.nodes
    return [node.variable.name.lower() for node in nodes if node.HasField("variable")]


def test_mixed_precision_serves_float32(tmp_path, pictures):
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    embedder = Embedder(Encoder(contract.MODEL, ["all"]), data_size=24, view_size=24)
    tf.keras.mixed_precision.set_global_policy("float32")
    rows = tf.saved_model.load(str(export(embedder, tmp_path))).signatures["images"](images=tf.constant(pictures))
    assert {value.dtype for value in rows.values()} == {tf.float32}
    close(rows, embedder.images(pictures))


def test_says_what_it_is(exported):
    about = json.loads((exported / "assets.extra" / "looc.json").read_text())
    assert about["experiment"] == "tiny"
    assert about["representations"] == {"trunk": 32, "all": 8, "color": 8, "rotation": 8}
    assert (about["preprocessing"]["data_size"], about["preprocessing"]["view_size"]) == (24, 16)


@pytest.mark.parametrize("name", [*odd_pictures(), *other_formats()])
def test_odd_pictures_embed_or_are_refused_clearly(loaded, name):
    data = {**odd_pictures(), **other_formats()}[name]
    serve = loaded.signatures["serving_default"]
    if not name.startswith(("bad", "other")):
        rows = serve(image_bytes=tf.constant([data]))
        assert all(np.isfinite(value).all() for value in rows.values())
        np.testing.assert_allclose(np.linalg.norm(rows["color"]), 1, rtol=1e-4)
        return
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        serve(image_bytes=tf.constant([data]))
    if name.startswith("other") or name in ("bad-empty.jpg", "bad-text.png", "bad-page.jpg"):
        assert "Expected the bytes of a JPEG, PNG, GIF or BMP picture." in caught.value.message
    if name == "bad-huge.png":
        assert "20000" in caught.value.message


def test_a_huge_header_takes_no_memory(loaded):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(tf.errors.InvalidArgumentError):
        loaded.signatures["serving_default"](image_bytes=tf.constant([odd_pictures()["bad-huge.png"]]))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB; decoded it is 1.2 GB


def test_one_request_may_hold_pictures_of_all_sizes(loaded):
    good = {name: data for name, data in odd_pictures().items() if not name.startswith("bad")}
    serve = loaded.signatures["serving_default"]
    together = serve(image_bytes=tf.constant(list(good.values())))
    for row, data in enumerate(good.values()):
        close({name: value[row : row + 1] for name, value in together.items()}, serve(image_bytes=tf.constant([data])))


def test_an_empty_request_is_refused_clearly(loaded):
    empty = {"image_bytes": tf.constant([], tf.string), "examples": tf.constant([], tf.string)}
    empty["images"] = empty["squares"] = tf.zeros([0, 24, 24, 3], tf.uint8)
    for signature in loaded.signatures.values():
        inputs = {name: empty[name] for name in signature.structured_input_signature[1]}
        with pytest.raises(tf.errors.InvalidArgumentError, match="at least one picture"):
            signature(**inputs)


def test_versions_count_up_and_are_never_overwritten(embedder, tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model.tf.saved_model, "save", lambda module, path, signatures: None)
    (tmp_path / "notes").mkdir()
    assert [export(embedder, tmp_path).name for _ in range(2)] == ["1", "2"]
    assert export(embedder, tmp_path, version=10).name == "10"
    assert export(embedder, tmp_path).name == "11"
    with pytest.raises(UserError, match="Version 2 exists"):
        export(embedder, tmp_path, version=2)
    with pytest.raises(UserError, match="at least 1"):
        export(embedder, tmp_path, version=0)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        export(embedder, tmp_path / "file")


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        tf.errors.ResourceExhaustedError(None, None, "/tmp/x; No space left on device"),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("there", [False, True])
def test_a_failure_in_the_middle_leaves_nothing(embedder, tmp_path, monkeypatch, error, there):
    def fail(path, *arguments):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(saved_model.tf.saved_model, "save", lambda module, path, signatures: None)
    out = tmp_path / "deep" / "exports"
    if there:
        export(embedder, out)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(saved_model, "write_warmup", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else UserError) as caught:
        export(embedder, out)
    assert sorted(tmp_path.rglob("*")) == before
    if isinstance(caught.value, UserError):
        assert "No space left on device" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_others_may_read_a_version(exported):
    """The user that serves a model is seldom the one that exported it."""
    assert exported.stat().st_mode & 0o055 == exported.parent.stat().st_mode & 0o055


def warmup_requests(path):
    """signature -> inputs, decoded by TensorFlow Serving's own classes."""
    log = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    for record in tf.data.TFRecordDataset(str(path / "assets.extra" / "tf_serving_warmup_requests")):
        message = log.PredictionLog.FromString(record.numpy())
        assert message.WhichOneof("log_type") == "predict_log"
        assert not message.FindInitializationErrors()
        request = message.predict_log.request
        yield request.model_spec.signature_name, {key: tf.make_ndarray(value) for key, value in request.inputs.items()}


def test_warm_up_requests_run(exported, loaded):
    requests = dict(warmup_requests(exported))
    assert set(requests) == set(loaded.signatures)
    answers = {
        signature: loaded.signatures[signature](**{key: tf.constant(value) for key, value in inputs.items()})
        for signature, inputs in requests.items()
    }
    close(answers["serving_default"], answers["images"])
    close(answers["serving_default"], answers["examples"])
    close(answers["serving_default"], answers["squares"])


def test_a_warm_up_message_is_byte_for_byte_serving_s():
    log = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    value = tf.constant([b"x" * 300])  # a length of two bytes
    message = log.PredictionLog()
    message.predict_log.request.model_spec.name = "looc"
    message.predict_log.request.model_spec.signature_name = "images"
    message.predict_log.request.inputs["images"].CopyFrom(tf.make_tensor_proto(value))
    assert warmup.prediction_log("images", {"images": value}) == message.SerializeToString(deterministic=True)


def test_warm_up_takes_the_users_picture(tmp_path):
    picture = save(np.zeros((10, 10, 3)))
    (tmp_path / "assets.extra").mkdir()
    warmup.write_warmup(tmp_path / "assets.extra" / "tf_serving_warmup_requests", 24, picture)
    assert dict(warmup_requests(tmp_path))["serving_default"]["image_bytes"].tolist() == [picture]


def test_latest_finds_the_highest_complete_version(tmp_path):
    for number in ("2", "10", "11"):
        (tmp_path / number).mkdir()
    for number in ("2", "10"):
        (tmp_path / number / "saved_model.pb").touch()
    assert latest(tmp_path) == tmp_path / "10"
    assert latest(tmp_path / "2") == tmp_path / "2"
    for wrong, message in ((tmp_path / "11", "holds neither"), (tmp_path / "12", "does not exist")):
        with pytest.raises(UserError, match=message):
            latest(wrong)


def test_the_page_on_serving_can_be_pasted_whatever_the_folder_is_called(embedder, tmp_path):
    folder = tmp_path / 'my $(touch "x") photos'
    path = export(embedder, folder)
    page = write_serving_page(path).read_text()
    assert page.startswith("# Serving my-touch-x-photos\n")
    for command in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        words = shlex.split(command.replace("$(base64 -w0 cat.jpg)", "").replace("$(base64 -w0 one.tf_example)", ""))
        assert "-v" not in words or words[words.index("-v") + 1] == f"{folder}:/models/my-touch-x-photos"
        assert not [word for word in words if "model_base_path" in word and word.partition("=")[2] != str(folder)]


def test_a_page_of_somebodys_own_stays(embedder, tmp_path):
    path = export(embedder, tmp_path)
    (tmp_path / "serving.md").write_text("my own notes\n")
    assert write_serving_page(path).read_text() == "my own notes\n"
