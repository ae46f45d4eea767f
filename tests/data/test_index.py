"""The index of record files is kept for the next start, is made again when it does not fit, and can mislead nobody."""

import os
import shutil
import struct

import numpy as np
import pytest
import tensorflow as tf
from helpers.odd_pictures import save as encode
from pictures import PICTURE

from looc_tf.data import checksum, index, open_source, read_table, stored, tfrecord
from looc_tf.data.splits import SPLITS

PNG = encode(PICTURE, "PNG")
COUNT = 12


def write(path, count=COUNT, mark=b"", **more):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(count):
            features = {"image": PNG, "id": b"%s%s-%d" % (mark, path.stem.encode(), number), **more}
            if number == 3:
                features["image"] = b""
            if number % 2:
                features["image/class/text"] = b"odd"
            lists = {key: tf.train.BytesList(value=[value] if value else []) for key, value in features.items()}
            made = {key: tf.train.Feature(bytes_list=value) for key, value in lists.items()}
            made["hue"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[number % 4]))
            writer.write(tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString())
    return path


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Two record files with texts and numbers for labels, a record without a picture, and a folder for the cache."""
    monkeypatch.setenv("LOOC_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(index, "WORTH", 1)
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "hue.labels.txt").write_text("red\ngreen\nblue\ngrey\n")
    return [write(folder / f"{part}.tfrecord") for part in ("test", "train")]


@pytest.fixture
def scanned(monkeypatch):
    """The names of the files that are read from end to end."""
    names, records = [], tfrecord.records
    monkeypatch.setattr(tfrecord, "records", lambda file: names.append(file.name) or records(file))
    return names


def again(files):
    """The set as another process would open it."""
    tfrecord._index.cache_clear()
    return read_table(files[0].parent)


def same(first, second):
    assert first.ids.tolist() == second.ids.tolist() and first.splits.tolist() == second.splits.tolist()
    assert first.fields == second.fields and first.skipped == second.skipped and first.stamp == second.stamp
    assert {name: values.tolist() for name, values in first.labels.items()} == {
        name: values.tolist() for name, values in second.labels.items()
    }
    assert [first.picture(row) for row in range(len(first))] == [second.picture(row) for row in range(len(second))]


def test_a_second_start_reads_no_file_from_end_to_end(files, scanned):
    first = again(files)
    assert sorted(scanned) == ["test.tfrecord", "train.tfrecord"]
    same(first, again(files))
    assert len(scanned) == 2 and len(first) == 2 * (COUNT - 1)
    assert first.fields == {"label": ("odd",), "hue": ("red", "green", "blue", "grey")}
    assert [name for name, _ in first.skipped] == ["test.tfrecord:3", "train.tfrecord:3"]


def test_only_the_file_that_has_changed_is_read_again(files, scanned):
    again(files)
    write(files[1], mark=b"new ")
    assert "new train-0" in again(files).ids and scanned[2:] == ["train.tfrecord"]
    times = files[1].stat()
    write(files[1], mark=b"NEW ")  # as long, and given the same times
    os.utime(files[1], ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "NEW train-0" in again(files).ids and scanned[3:] == ["train.tfrecord"]
    (files[0].parent / "hue.labels.txt").unlink()
    assert "hue" not in again(files).labels and len(scanned) == 6


def test_a_copy_with_other_times_is_known_by_its_checksums(files, scanned):
    again(files)
    for file in files:
        os.utime(file, ns=(1, 1))
    again(files)
    assert len(scanned) == 2


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.9, 1.0])
def test_a_damaged_index_is_made_again(files, scanned, share):
    first = again(files)
    (kept,) = stored.folder().iterdir()
    data = kept.read_bytes()
    place = min(int(share * len(data)), len(data) - 1)
    kept.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
    same(first, again(files))
    assert len(scanned) == 4
    kept.write_bytes(kept.read_bytes()[:-3])
    same(first, again(files))
    assert len(scanned) == 6


@pytest.mark.parametrize("lie", ["offsets", "lengths"])
@pytest.mark.parametrize("value", [-1, 0, 5, 1 << 40, (1 << 63) - 1])
def test_an_index_of_somebody_else_reads_nothing_but_records(files, lie, value):
    """It is whole by its own checksum, and the file is as it was: what it says of a place is not believed."""
    again(files)
    (kept,) = stored.folder().iterdir()
    columns = stored.read(kept)
    wrong = columns[lie].copy()
    wrong[0] = value
    kept.write_bytes(stored.content({**columns, lie: wrong}))
    table = again(files)
    with pytest.raises(ValueError, match="damaged"):
        if value == 5 and lie == "lengths":  # within the file: found when it is read
            table.picture(0)
        else:
            assert table.picture(0) == PNG  # it was made again
            raise ValueError("damaged")


def test_columns_that_do_not_fit_each_other_are_no_index(files, scanned):
    again(files)
    (kept,) = stored.folder().iterdir()
    columns = stored.read(kept)
    number = 2
    for name, values in columns.items():
        for other in (values[:-1], np.concatenate([values, values[:1]]), values[:0]):
            if len(other) == len(values):
                continue
            kept.write_bytes(stored.content({**columns, name: other}))
            again(files)
            number += 2
            assert len(scanned) == number, name
    assert number > 40


def test_a_record_that_was_damaged_since_is_not_taken_for_a_picture(files):
    again(files)
    table = again(files)  # what was indexed in this process was verified then
    place = int(table_offset(files[0], 2)) + 60
    data = bytearray(files[0].read_bytes())
    data[place] ^= 1
    with open(files[0], "r+b") as handle:
        handle.write(data)
    with pytest.raises(ValueError, match="damaged"):
        table.picture(2)
    assert table.picture(1) == PNG


def table_offset(file, number):
    data, position = file.read_bytes(), 0
    for _ in range(number):
        position += struct.unpack("<Q", data[position : position + 8])[0] + 16
    return position + 12


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 1023, 1024, 1025, 5000, 300_000])
def test_checksums_are_those_of_record_files(tmp_path, length):
    data = np.random.default_rng(length).bytes(length)
    with tf.io.TFRecordWriter(str(tmp_path / "x")) as writer:
        writer.write(data)
    assert checksum.masked_checksum(data) == struct.unpack("<I", (tmp_path / "x").read_bytes()[-4:])[0]


def test_where_nothing_can_be_kept_all_works_as_before(files, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "below", "none", "NONE"):
        monkeypatch.setenv("LOOC_CACHE", str(place))
        assert len(again(files)) == 2 * (COUNT - 1)
    assert not (tmp_path / "kept").exists()


def test_the_folder_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("LOOC_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert stored.folder() == tmp_path / "looc_tf"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the standard says to pass over
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert stored.folder() == tmp_path / "home" / ".cache" / "looc_tf"


def test_what_was_not_used_for_longest_goes(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOC_CACHE", str(tmp_path))
    monkeypatch.setattr(stored, "MOST_FILES", 3)
    for number in range(5):
        stored.write(stored.place("test", number), {"x": np.arange(number)})
        os.utime(stored.place("test", number), ns=(number, number))
        assert stored.read(stored.place("test", 0)) is not None  # it is used each time
    left = [number for number in range(5) if stored.read(stored.place("test", number)) is not None]
    assert 0 in left and 4 in left and len(left) == 3


def test_few_bytes_are_not_worth_an_index(files, monkeypatch):
    monkeypatch.setattr(index, "WORTH", 1 << 20)
    again(files)
    assert not stored.folder().exists()


def test_the_pictures_are_the_same_from_an_index(files):
    def fetched():
        tfrecord._index.cache_clear()
        parts = [open_source(files[0].parent, split, size=8) for split in SPLITS[::2]]
        return [np.asarray(part.fetch(list(range(len(part))))["image"]) for part in parts]

    for first, second in zip(fetched(), fetched()):
        np.testing.assert_array_equal(first, second)


def test_an_index_beside_the_files_goes_where_they_go(files, scanned, tmp_path):
    first = again(files)
    names = ("hue",)
    index.write_beside(files[0].parent, files, *tfrecord.how(tfrecord.Keys(), names))
    shutil.rmtree(stored.folder())
    del scanned[:]
    copied = shutil.copytree(files[0].parent, tmp_path / "copied", copy_function=shutil.copyfile)
    tfrecord._index.cache_clear()
    same(first, read_table(copied))
    part = read_table(str(copied / "train*"))
    assert part.splits.tolist() == ["train"] * (COUNT - 1) and scanned == []
