"""`embed_files`: any pictures to a table, broken ones named, nothing half written."""

import sys

import numpy as np
import pandas
import pytest
import tensorflow as tf
from helpers import contract
from helpers.odd_pictures import odd_pictures, other_formats, save

from looc_tf.errors import UserError
from looc_tf.export import Embedder, embed_files, export, files, tables
from looc_tf.export.pictures import Pictures
from looc_tf.models import Encoder


@pytest.fixture(scope="module")
def embedder():
    tf.keras.utils.set_random_seed(6)
    return Embedder(Encoder(contract.MODEL, ["all", "color"]), data_size=16, view_size=16)


@pytest.fixture(scope="module")
def exported(embedder, tmp_path_factory):
    return export(embedder, tmp_path_factory.mktemp("exports")).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Good, odd and broken pictures at three depths, under names that are awkward too."""
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(3)
    names = ["a.png", "b/c.png", "b/d/e f.png", "b/d/\u00e9\nx.png", "b/d/z.png"]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(save(random.integers(0, 256, (20, 30, 3))))
    (root / "odd").mkdir()
    for name, data in {**odd_pictures(), **other_formats()}.items():
        (root / "odd" / name).write_bytes(data)
    (root / "notes.txt").write_text("not a picture")
    (root / ".hidden.png").write_bytes(b"")
    return root


def read(path):
    """id -> representation -> row, of either kind of table."""
    if path.suffix.lower() == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            columns = dict(archive)
    else:
        frame = pandas.read_parquet(path)
        columns = {name: np.stack(frame[name]) if name != "id" else frame[name].to_numpy() for name in frame}
    names = columns.pop("id")
    assert {values.dtype for values in columns.values()} == {np.dtype("float32")}
    return {name: {key: values[row] for key, values in columns.items()} for row, name in enumerate(names)}


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_a_folder_becomes_a_table(exported, embedder, folder, tmp_path, kind, monkeypatch):
    monkeypatch.setattr(tables.ParquetTable, "_GROUP", 10)
    done = embed_files(exported, folder, tmp_path / f"out.{kind}", batch=7)
    rows = read(done.path)
    broken = {f"odd/{name}" for name in odd_pictures() if name.startswith("bad")}
    assert {name for name, _ in done.skipped} == broken
    assert all(reason and "\n" not in reason and "Graph" not in reason for _, reason in done.skipped)
    there = {str(path.relative_to(folder)) for path in folder.rglob("*.*") if path.suffix != ".txt"} - {".hidden.png"}
    assert set(rows) == there - broken
    assert done.count == len(rows)
    for name in ("a.png", "b/d/\u00e9\nx.png", "odd/turned-6.jpg", "odd/moving.gif"):
        expected = embedder.encoded(tf.constant([(folder / name).read_bytes()]))
        assert set(rows[name]) == set(expected)
        for key, value in expected.items():
            np.testing.assert_allclose(rows[name][key], value[0], rtol=0, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == [f"out.{kind}"]


def test_what_is_passed_over_is_counted_and_said_before_the_work(exported, folder, tmp_path, caplog):
    for name in ("1.nef", "2.NEF", "b/3.heif"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"raw")
    (tmp_path / "photos" / "README").write_text("words")
    with pytest.raises(UserError, match=r"Found none, at any depth\. 4 files passed over: 2 \.nef, .* Name a folder"):
        embed_files(exported, tmp_path / "photos", tmp_path / "out.npz")
    (tmp_path / "photos" / "b" / "c.png").write_bytes((folder / "b" / "c.png").read_bytes())
    (tmp_path / "photos" / "8f00").write_bytes((folder / "b" / "c.png").read_bytes())  # a picture named by a hash
    said = []
    done = embed_files(exported, tmp_path / "photos", tmp_path / "out.npz", tell=said.append)
    line = f"{tmp_path / 'photos'}: 2 pictures; 4 files passed over: 2 .nef, 1 .heif, 1 without extension"
    assert said == [line] and done.passed_over == {".nef": 2, ".heif": 1, "without extension": 1}
    assert set(read(done.path)) == {"8f00", "b/c.png"}
    with caplog.at_level("INFO", "looc_tf"):
        embed_files(exported, folder / "b", tmp_path / "out.npz")
    assert caplog.messages == [f"{folder / 'b'}: 4 pictures"]


def test_both_tables_hold_the_same_and_order_is_that_of_the_names(exported, folder, tmp_path):
    found = [read(embed_files(exported, folder / "b", tmp_path / f"out.{kind}").path) for kind in ("npz", "parquet")]
    assert list(found[0]) == list(found[1]) == ["c.png", "d/e f.png", "d/z.png", "d/\u00e9\nx.png"]
    for name, row in found[0].items():
        for key in row:
            np.testing.assert_array_equal(row[key], found[1][name][key])


def test_a_suffix_may_be_in_capitals(exported, folder, tmp_path):
    found = [read(embed_files(exported, folder / "b", tmp_path / out).path) for out in ("a.npz", "b.NPZ")]
    assert list(found[0]) == list(found[1])
    with pytest.raises(UserError, match=r"Unknown kind of output '\.csv'"):
        embed_files(exported, folder / "b", tmp_path / "x.csv")


def test_one_picture_and_records(exported, folder, tmp_path):
    picture = folder / "a.png"
    one = read(embed_files(exported / "1", picture, tmp_path / "one.npz").path)["a.png"]
    records = tmp_path / "set-test.tfrecord"
    bytes_of = lambda value: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))  # noqa: E731
    kinds = [
        {"image": picture.read_bytes(), "id": b"first"},
        {"image/encoded": picture.read_bytes()},
        {"image": b"no picture", "id": b"wrong"},
        {"label": b"none"},
    ]
    with tf.io.TFRecordWriter(str(records)) as writer:
        for features in kinds:
            features = tf.train.Features(feature={key: bytes_of(value) for key, value in features.items()})
            writer.write(tf.train.Example(features=features).SerializeToString())
    cut = tmp_path / "set-train.tfrecord"
    cut.write_bytes(records.read_bytes()[:-3])
    for given, names in ((records, ["first", "set-test.tfrecord:1"]), (tmp_path, 2 * ["first"] + 2 * ["set-"])):
        done = embed_files(exported, given, tmp_path / "many.npz")
        table = np.load(done.path)
        assert sorted(name[:4] for name in table["id"]) == sorted(name[:4] for name in names)
        np.testing.assert_allclose(table["color"], np.stack([one["color"]] * len(names)), rtol=0, atol=1e-5)
        assert ("wrong", "not a picture in any known format") in done.skipped
    assert any("cut short" in reason for _, reason in done.skipped)


def test_memory_does_not_grow_with_the_number_of_pictures(exported, folder, tmp_path, monkeypatch):
    """No more pictures are read than a window ahead of what is written."""
    data, reads, written = (folder / "a.png").read_bytes(), 0, 0

    def fetch():
        nonlocal reads
        reads += 1
        return data

    write = tables.NpzTable.write

    def count(self, ids, rows):
        nonlocal written
        write(self, ids, rows)
        written += len(ids)
        assert reads - written < 120

    monkeypatch.setattr(tables.NpzTable, "write", count)
    pictures = Pictures((str(number), fetch) for number in range(600))
    monkeypatch.setattr(files, "find", lambda images: pictures)
    done = embed_files(exported, "any", tmp_path / "out.npz")
    assert (done.count, reads) == (600, 600)
    assert np.load(done.path)["id"].tolist() == [str(number) for number in range(600)]


def test_large_files_make_small_batches():
    pictures = [(str(number), bytes(1 << 24)) for number in range(9)]
    assert [len(batch) for batch in files._batches(pictures, 32, [])] == [4, 4, 1]


def test_mistakes_are_told_in_one_line(exported, folder, tmp_path):
    other = tmp_path / "other"
    module = tf.Module()
    module.twice = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(other), signatures=module.twice.get_concrete_function())
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"\x00\x01")
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "x.png").write_bytes(b"text")
    (tmp_path / "folder.npz").mkdir()
    out = tmp_path / "out.npz"
    for given, message in [
        ((tmp_path / "none", folder, out), "none does not exist"),
        ((other, folder, out), "whose input is 'image_bytes'"),
        ((tmp_path / "broken", folder, out), "complete export"),
        ((exported, tmp_path / "none", out), "none does not exist"),
        ((exported, tmp_path / "empty", out), "Found none, at any depth"),
        ((exported, tmp_path / "wrong", out), "All 1 are broken, the first: x.png"),
        ((exported, folder, tmp_path / "out.csv"), "Expected one of .npz, .parquet"),
        ((exported, folder, tmp_path / "out"), "Expected one of .npz, .parquet"),
        ((exported, folder, tmp_path / "folder.npz"), "is a folder"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            embed_files(*given)
        assert "\n" not in str(caught.value)
    assert not out.exists()
    assert not list(tmp_path.glob(".tmp*"))


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_a_full_disk_keeps_the_former_table(exported, folder, tmp_path, monkeypatch, kind):
    out = tmp_path / f"out.{kind}"
    out.write_bytes(b"former")

    def full(self, ids, rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tables.TABLES[f".{kind}"], "write", full)
    with pytest.raises(UserError, match="No space left on device"):
        embed_files(exported, folder / "b", out)
    assert out.read_bytes() == b"former"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_name_that_is_no_text_is_kept_readable(exported, folder, tmp_path):
    if sys.platform != "linux":
        pytest.skip("other systems refuse such names")
    root = tmp_path / "pictures"
    root.mkdir()
    (root / "caf\udce9.png").write_bytes((folder / "a.png").read_bytes())
    assert list(read(embed_files(exported, root, tmp_path / "out.parquet").path)) == ["caf\\xe9.png"]
