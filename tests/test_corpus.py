"""The corpus of odd and hostile pictures, through everything that reads pictures."""

import gc
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from click.testing import CliRunner
from helpers import contract, corpus
from helpers.corpus import CORPUS, PICTURE, SKIPPED, expected, lay, listing
from helpers.tiny import EXPERIMENT

from looc_tf.cli import cli
from looc_tf.data import open_source, read_table
from looc_tf.data.source import Source
from looc_tf.errors import UserError
from looc_tf.export import Embedder, export
from looc_tf.models import Encoder

if sys.platform != "linux":
    pytest.skip("pipes, devices and names of any bytes", allow_module_level=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("surroundings") / "pictures"
    root.mkdir()
    return lay(root)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    embedder = Embedder(Encoder(contract.MODEL, ["all"]), data_size=16, view_size=16)
    return export(embedder, tmp_path_factory.mktemp("exports"))


@pytest.fixture
def looc(folder):
    """Calls the command line; nothing around the pictures may change."""

    def run(*arguments):
        before = listing(folder.parent)
        result = CliRunner().invoke(cli, [str(word) for word in arguments], prog_name="looc")
        assert listing(folder.parent) == before
        assert result.exit_code == 0, result.output
        assert "Traceback" not in result.output and "Logging error" not in result.stderr
        assert all(line.isprintable() for line in result.stderr.splitlines())
        return result

    return run


def test_the_corpus_is_large():
    assert len(CORPUS) >= 60 and len(expected(PICTURE)) > 40 and len(expected(SKIPPED)) > 40


@pytest.mark.parametrize("budget", [2**30, 0], ids=["held in memory", "decoded at each fetch"])
def test_every_file_is_read_or_named(folder, budget):
    source = Source(read_table(folder), name="corpus", split="all", size=16, budget=budget)
    fetched = {bytes(name).decode() for name in source.fetch(np.arange(len(source)))["id"].numpy()}
    assert fetched == expected(PICTURE)
    assert {name for name, _ in source.skipped} == expected(SKIPPED)
    assert all(reason and reason.isprintable() for _, reason in source.skipped)


def test_training(folder, looc, tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(EXPERIMENT))
    result = looc("train", tmp_path / "tiny.yaml", "--data", folder, "--out", tmp_path / "run")
    skipped = len(open_source(folder, size=16).skipped)
    assert skipped > 20 and f"{skipped} pictures skipped: " in result.stderr
    losses = [line for line in (tmp_path / "run" / "history.csv").read_text().splitlines()[1:] if line]
    assert losses and "nan" not in " ".join(losses)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "tiny.yaml"]


def test_embedding(folder, exported, looc, tmp_path):
    result = looc("embed", exported, folder, "-o", tmp_path / "out.npz")
    table = np.load(tmp_path / "out.npz")
    assert set(table["id"]) == expected(PICTURE)
    assert np.isfinite(table["trunk"]).all() and np.isfinite(table["all"]).all()
    assert f"{len(expected(SKIPPED))} pictures skipped: " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_the_served_signatures(folder, exported):
    """Formats that TensorFlow has no decoder for are refused by the model; `looc embed` transcodes them before."""
    loaded = tf.saved_model.load(str(exported)).signatures
    read = 0
    for name in sorted(expected(PICTURE) | expected(SKIPPED)):
        path = folder / name
        if not path.is_file() or name == "memory.png":
            continue
        data = path.read_bytes()
        feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[data]))
        example = tf.train.Example(features=tf.train.Features(feature={"image": feature})).SerializeToString()
        refused = name in expected(SKIPPED) or name.startswith("other")
        for signature, value in (("serving_default", data), ("examples", example)):
            inputs = {{"serving_default": "image_bytes"}.get(signature, signature): tf.constant([value])}
            if refused:
                with pytest.raises(tf.errors.InvalidArgumentError):
                    loaded[signature](**inputs)
            else:
                assert all(np.isfinite(rows).all() for rows in loaded[signature](**inputs).values()), name
        read += not refused
    assert read > 40


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (2, 1, 5000, 3), (1, 5000, 1, 3), (1, 0, 7, 3), (1, 7, 0, 3)])
def test_served_pixels_of_any_shape(exported, shape):
    serve = tf.saved_model.load(str(exported)).signatures["images"]
    if 0 in shape:
        with pytest.raises(tf.errors.InvalidArgumentError):
            serve(images=tf.zeros(shape, tf.uint8))
    else:
        assert all(np.isfinite(rows).all() for rows in serve(images=tf.zeros(shape, tf.uint8)).values())


@pytest.mark.parametrize("value", [b"", b"\xff" * 50, b"\x0a\x05", b"\x0a\xff\xff\xff\xff\x7f"])
def test_served_examples_that_are_none(exported, value):
    # TensorFlow's message quotes the bytes, which its Python side then may fail to read as text.
    with pytest.raises((tf.errors.InvalidArgumentError, UnicodeDecodeError)):
        tf.saved_model.load(str(exported)).signatures["examples"](examples=tf.constant([value]))


HOSTILE = [
    "../../escaped",
    "/tmp/escaped",
    "a/../../b",
    "nul\0within",
    "\x1b[2J",
    "\u202e",
    "x" * 100_000,
    "line\nbreak",
]


@pytest.fixture
def records(tmp_path):
    """Record files whose ids and class names would leave the folder, were they taken for paths."""
    place = tmp_path / "records"
    place.mkdir()
    bytes_of = lambda value: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))  # noqa: E731
    with tf.io.TFRecordWriter(str(place / "set.tfrecord")) as writer:
        for number, name in enumerate(HOSTILE * 6):
            label = HOSTILE[number % len(HOSTILE)][:50].encode()
            features = {
                "image": bytes_of(corpus._GOOD),
                "id": bytes_of(name.encode()),
                "image/class/text": bytes_of(label),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
        writer.write(b"\xff" * 30)
    return place


def test_hostile_ids_and_class_names_stay_text(records, exported, looc, tmp_path):
    config = {**EXPERIMENT, "training": {**EXPERIMENT["training"], "batch": 4, "steps": 2}}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(config))
    before = listing(tmp_path)
    looc("train", tmp_path / "tiny.yaml", "--data", records, "--out", tmp_path / "out" / "run")
    looc("embed", exported, records, "-o", tmp_path / "out" / "ids.parquet")
    looc("embed", exported, records, "-o", tmp_path / "out" / "ids.npz")
    after = {path: value for path, value in listing(tmp_path).items() if not path.startswith(str(tmp_path / "out"))}
    assert after == before
    names = np.load(tmp_path / "out" / "ids.npz")["id"]
    assert len(names) == 6 * len(HOSTILE) and max(map(len, names)) == 4096
    assert not Path("/tmp/escaped").exists()


def test_a_class_number_without_end_is_refused(tmp_path):
    label = tf.train.Feature(int64_list=tf.train.Int64List(value=[2**62]))
    image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[corpus._GOOD]))
    features = tf.train.Features(feature={"image": image, "label": label})
    with tf.io.TFRecordWriter(str(tmp_path / "set.tfrecord")) as writer:
        writer.write(tf.train.Example(features=features).SerializeToString())
    with pytest.raises(UserError, match="below 1,000,000"):
        open_source(tmp_path, size=16)


def test_the_pipelines_shards(folder, tmp_path):
    shards = pytest.importorskip("pipeline.examples.shards", reason="TFX is not installed")
    writer = shards.WriteShard(str(folder), 16, str(tmp_path))
    writer.setup()
    [found] = writer.process({"split": "train", "number": 0, "of": 1, "rows": list(range(len(writer.table)))})
    assert (found["count"], found["broken"]) == (len(expected(PICTURE)), len(expected(SKIPPED)))


def _traces():
    """But for those of an idle thread of a pool: from Python 3.12 on it waits inside of `except queue.Empty`."""
    traces = [thing for thing in gc.get_objects() if isinstance(thing, types.TracebackType)]
    return sum(trace.tb_frame.f_code.co_name != "_worker" or trace.tb_next is not None for trace in traces)


@pytest.mark.parametrize("reader", [corpus.read, corpus.fetch, corpus.embed])
def test_nothing_of_a_refused_picture_stays(folder, exported, reader):
    """An error that is kept holds, through its trace, every frame and picture on its way, until Python's collector of
    cycles comes around: with many objects alive, after hundreds of pictures."""
    use = reader(folder, exported)
    use()
    gc.collect()
    gc.disable()
    try:
        before = _traces()
        use()
        assert _traces() == before
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.timeout(3000)  # five passes through three readers
def test_memory_is_bounded_and_does_not_grow():
    """A process of its own; bombs of 98 million pixels and more among the pictures."""
    command = [sys.executable, corpus.__file__, "--bombs", "5"]
    path = os.pathsep.join(sys.path)
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=True)
    lines = ran.stdout.splitlines()
    assert "Traceback" not in ran.stderr
    assert int(lines[-1].split()[1]) < 50, ran.stdout
    assert int(lines[-2].rpartition(" ")[2]) < 4000, ran.stdout
