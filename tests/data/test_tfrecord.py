"""TFRecord files of tf.Example."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tensorflow as tf
from helpers.odd_pictures import save as encode
from pictures import PICTURE

from looc_tf.data import open_source, read_table, tfrecord
from looc_tf.data.splits import SPLITS
from looc_tf.errors import UserError

PNG = encode(PICTURE, "PNG")


def _example(**features) -> bytes:
    def feature(value):
        if isinstance(value, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    features = {key.replace("__", "/"): feature(value) for key, value in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _write(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return path


def test_splits_names_and_labels(tmp_path):
    for shard in range(2):
        records = [_example(image=PNG, label=index % 3, id=b"%d-%d" % (shard, index)) for index in range(20)]
        _write(tmp_path / f"set-train.tfrecord-0000{shard}-of-00002", records)
    _write(tmp_path / "set-test.tfrecord-00000-of-00001", [_example(image=PNG, label=2, id=b"t")])
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\n")
    train, validation, test = (open_source(tmp_path, split, size=8) for split in SPLITS)
    assert test.ids == ["t"] and test.labels["label"].tolist() == [2]
    assert len(train) + len(validation) == 40 and len(validation) > 0
    assert train.fields == {"label": ("ant", "bee", "cat")}
    assert all(label == int(name.split("-")[1]) % 3 for name, label in zip(train.ids, train.labels["label"]))
    several = open_source(str(tmp_path / "set-train*"), "train", size=8)
    assert "t" not in several.ids


def test_imagenet_keys_string_labels_and_stylised_copies(tmp_path):
    records = [
        _example(image__encoded=PNG, image__class__text=name, image__stylized=encode(PICTURE.convert("L"), "WEBP"))
        for name in (b"bee", b"ant") * 15
    ]
    source = open_source(_write(tmp_path / "a.tfrecord", records), "train", size=8)
    assert source.fields == {"label": ("ant", "bee")}
    batch = source.fetch([0, 1])
    assert batch["stylized"].numpy().std(axis=-1).max() < 3 < batch["image"].numpy().std(axis=-1).max()
    rows = [int(name.rsplit(":", 1)[1]) for name in source.ids]
    assert source.labels["label"].tolist() == [1 - row % 2 for row in rows]


def test_further_label_fields_by_their_names_file(tmp_path):
    _write(tmp_path / "x-train.tfrecord", [_example(image=PNG, label=0, hue=index % 2) for index in range(30)])
    (tmp_path / "hue.labels.txt").write_text("red\nblue\n")
    source = open_source(tmp_path, "train", size=8)
    assert source.fields == {"label": ("0",), "hue": ("red", "blue")}
    np.testing.assert_array_equal(source.fetch([0, 1, 2])["hue"], source.labels["hue"][:3])


def test_broken_records_are_skipped_and_named(tmp_path):
    good = [_example(image=PNG, label=1) for _ in range(30)]
    path = _write(
        tmp_path / "a.tfrecord", [*good, b"\xff\xff\xff", _example(label=1), _example(image=b"text", label=0)]
    )
    path.write_bytes(path.read_bytes() + b"\x09\0\0\0\0\0\0\0cut")
    parts = [open_source(path, split, size=8) for split in SPLITS]
    assert sum(map(len, parts)) == 30
    reasons = dict(reason for part in parts for reason in part.skipped)
    assert "not a tf.Example" in reasons["a.tfrecord:30"] and "no bytes under image" in reasons["a.tfrecord:31"]
    assert reasons["a.tfrecord:32"] == "not a picture in any known format" and len(reasons) == 4


@pytest.mark.parametrize("name", ["flowers.tfrec", "train-00000-of-01024", "records"])
def test_record_files_are_known_by_their_content(tmp_path, name):
    (tmp_path / "README").write_text("a text")
    (tmp_path / "validation-00000-of-00128").write_text("and another")
    path = _write(tmp_path / name, [_example(image=PNG, label=index % 2) for index in range(8)])
    assert len(read_table(tmp_path)) == len(read_table(path)) == 8
    assert set(read_table(path).splits) == {"train" if name.startswith("train") else ""}


def test_record_files_in_folders_of_splits(tmp_path):
    for split, count in (("train", 6), ("val", 3)):
        (tmp_path / split).mkdir()
        _write(tmp_path / split / "00-224x224-9.tfrec", [_example(image=PNG, label=0)] * count)
    assert sorted(read_table(tmp_path).splits) == ["train"] * 6 + ["validation"] * 3


def _labels(tmp_path, *values, rules=2, **features):
    rows = [_example(image__encoded=PNG, image__class__label=value) for value in values]
    if features:
        rows = [_example(image__encoded=PNG, image__class__label=value, **features["texts"][value]) for value in values]
    table = read_table(_write(tmp_path / "a.tfrecord", rows), rules=rules)
    return table.labels["label"].tolist(), table.fields["label"]


def test_classes_that_are_numbered_from_one(tmp_path):
    assert _labels(tmp_path, 1, 3, 2, 1) == ([0, 2, 1, 0], ("1", "2", "3"))
    assert _labels(tmp_path, 1, 3, 2, 1, rules=1) == ([1, 3, 2, 1], ("0", "1", "2", "3"))
    assert _labels(tmp_path, 0, 3, 2, 1) == ([0, 3, 2, 1], ("0", "1", "2", "3"))
    assert _labels(tmp_path, 1, 3) == ([1, 3], ("0", "1", "2", "3"))  # perhaps a part of the classes from 0 on
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\n")
    assert _labels(tmp_path, 1, 3, 2, 1) == ([0, 2, 1, 0], ("ant", "bee", "cat"))
    assert _labels(tmp_path, 1, 2, 2, 1) == ([1, 2, 2, 1], ("ant", "bee", "cat"))


def test_classes_are_named_by_the_texts_beside_their_numbers(tmp_path):
    texts = {1: {"image__class__text": b"tench"}, 389: {"image__class__text": b"panda"}}
    assert _labels(tmp_path, 389, 1, 389, texts=texts) == ([1, 0, 1], ("tench", "panda"))
    unclear = {1: {"image__class__text": b"tench"}, 2: {"image__class__text": b"tench"}}
    assert _labels(tmp_path, 1, 2, texts=unclear) == ([0, 1], ("1", "2"))


@pytest.mark.parametrize(
    ("mode", "keys"),
    [
        ("L", ("height", "width", "depth")),
        ("RGB", ("image/height", "image/width", "image/channels")),
        ("RGBA", ("height", "width", "depth")),
        ("RGB", ("height", "width")),
    ],
)
def test_raw_pixels_are_read_by_the_size_beside_them(tmp_path, mode, keys):
    picture = PICTURE.convert(mode)
    sizes = dict(zip(keys, (picture.height, picture.width, len(picture.getbands()))))
    row = _example(image=picture.tobytes(), **{key.replace("/", "__"): value for key, value in sizes.items()})
    read = open_source(_write(tmp_path / "a.tfrecord", [row] * 4), size=60).fetch([0])["image"].numpy()
    same = open_source(_write(tmp_path / "b.tfrecord", [_example(image=encode(picture, "PNG"))] * 4), size=60)
    np.testing.assert_array_equal(read, same.fetch([0])["image"])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros([6, 5, 3], np.float32).tobytes(), "raw pixels of 32 bits; encode them as PNG"),
        (tf.io.serialize_tensor(np.zeros([6, 5, 3], np.uint8)).numpy(), "a tensor of tf.io.serialize_tensor; write"),
        (tf.io.serialize_tensor(np.zeros([6, 5, 3], np.float32)).numpy(), "a tensor of tf.io.serialize_tensor; write"),
        (bytes(6 * 5 * 12), "raw pixels of 12 channels"),
    ],
)
def test_what_is_no_encoded_picture_is_named(tmp_path, value, message):
    depth = 12 if "channels" in message else 3
    path = _write(tmp_path / "a.tfrecord", [_example(image=value, height=6, width=5, depth=depth)])
    with pytest.raises(UserError, match=message):
        open_source(path, size=8)


def test_records_are_read_where_there_is_no_pread(tmp_path, monkeypatch):
    path = _write(tmp_path / "a.tfrecord", [_example(image=PNG, id=b"%d" % number) for number in range(4)])
    monkeypatch.delattr(os, "pread")
    assert read_table(path).picture(3) == PNG


def test_mistakes_end_in_one_line(tmp_path):
    with pytest.raises(UserError, match="Nothing matches"):
        open_source(str(tmp_path / "*.tfrecord"), size=8)
    with pytest.raises(UserError, match="holds none"):
        open_source(_write(tmp_path / "a.tfrecord", [_example(label=1)]), size=8)
    _write(tmp_path / "b.tfrecord", [_example(image=PNG, label=7)])
    (tmp_path / "labels.txt").write_text("ant\nbee\n")
    with pytest.raises(UserError, match="below 2"):
        open_source(tmp_path / "b.tfrecord", size=8)


def test_class_names_above_the_folders_in_which_tfx_keeps_splits(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"Split-{split}").mkdir()
        _write(tmp_path / f"Split-{split}" / f"{split}-00000.tfrecord", [_example(image=PNG, label=1)] * 4)
    (tmp_path / "labels.txt").write_text("ant\nbee\n")
    assert open_source(str(tmp_path / "Split-*" / "*.tfrecord"), "test", size=8).fields == {"label": ("ant", "bee")}


@pytest.fixture
def read_files(monkeypatch):
    """The names of the files that are read from end to end."""
    names, records = [], tfrecord.records

    def noted(file):
        names.append(file.name)
        return records(file)

    monkeypatch.setattr(tfrecord, "records", noted)
    return names


def test_a_set_that_is_opened_again_is_not_read_again(tmp_path, read_files):
    for part in ("train", "test"):
        _write(tmp_path / f"set-{part}.tfrecord", [_example(image=PNG, label=number % 2) for number in range(20)])
    first = open_source(tmp_path, "train", size=8)
    assert sorted(read_files) == ["set-test.tfrecord", "set-train.tfrecord"]
    again = [open_source(tmp_path, part, size=8) for part in ("train", "validation", "test")]
    assert len(read_files) == 2
    assert first.ids == again[0].ids and first.fields == again[0].fields
    np.testing.assert_array_equal(first.fetch([1, 0])["image"], again[0].fetch([1, 0])["image"])


def test_a_file_that_has_changed_is_read_again(tmp_path, read_files):
    path = tmp_path / "a.tfrecord"
    size = _write(path, [_example(image=PNG, id=b"old %d" % number) for number in range(4)]).stat().st_size
    assert read_table(path).ids[0] == "old 0"
    before = path.stat()
    _write(path, [_example(image=PNG, id=b"new %d" % number) for number in range(4)])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a copy that keeps times leaves it
    assert path.stat().st_size == size and read_table(path).ids[0] == "new 0"
    other = _write(tmp_path / "other.tfrecord", [_example(image=PNG, id=b"put %d" % number) for number in range(4)])
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert read_table(path).ids[0] == "put 0"
    path.write_bytes(path.read_bytes()[:-1])
    assert len(read_table(path)) == 3
    assert len(read_files) == 4


def test_other_keys_and_class_names_are_other_indices(tmp_path, read_files):
    path = _write(tmp_path / "a.tfrecord", [_example(image=PNG, label=0, hue=1) for _ in range(4)])
    assert set(read_table(path).labels) == {"label"}
    (tmp_path / "hue.labels.txt").write_text("red\nblue\n")
    assert read_table(path).labels["hue"].tolist() == [1] * 4
    table = tfrecord.read_tfrecord([path], keys=tfrecord.Keys(label=("hue",)), fields={})
    assert table.labels["label"].tolist() == [1] * 4 and len(read_files) == 3


def test_few_indices_are_kept(tmp_path, read_files):
    paths = [_write(tmp_path / f"{number}.tfrecord", [_example(image=PNG)] * 2) for number in range(5)]
    for path in paths:
        read_table(path)
    read_table(paths[-1])
    assert len(read_files) == 5
    read_table(paths[0])
    assert len(read_files) == 6
