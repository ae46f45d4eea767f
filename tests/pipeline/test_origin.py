"""Where pictures come from. Needs no TFX."""

import os

import pytest

from pipeline.examples.origin import RecordFiles, data_version, record_files


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


@pytest.mark.parametrize(
    ("files", "patterns"),
    [
        (["a-train.tfrecord-00000-of-00002", "a-train.tfrecord-00001-of-00002", "a-test.tfrecord"],
         {"train": "*train*.tfrecord*", "test": "*test*.tfrecord*"}),
        (["a.tfrecord", "b.tfrecord"], {"": "*.tfrecord*"}),
        (["one.tfrecord"], {"": "one.tfrecord"}),
    ],
)  # fmt: skip
def test_record_files_and_the_patterns_of_their_splits(tmp_path, files, patterns):
    touch(tmp_path, *files, "labels.txt")
    assert record_files(str(tmp_path)) == RecordFiles(str(tmp_path), patterns)


def test_what_import_example_gen_cannot_tell_apart_is_left_to_the_library(tmp_path):
    touch(tmp_path, "train-of-latest.tfrecord", "test-of-train.tfrecord", "x.tfrecord")
    assert record_files(str(tmp_path)) is None


def test_other_origins_are_no_record_files(tmp_path):
    touch(tmp_path, "cat/a.png")
    assert record_files(str(tmp_path)) is None and record_files("factors") is None


def test_the_version_changes_with_the_files(tmp_path):
    touch(tmp_path, "cat/a.png", "dog/b.png")
    first = data_version(str(tmp_path))
    assert first and first == data_version(str(tmp_path)) and data_version("factors") == ""
    os.utime(tmp_path / "cat/a.png", ns=(1, 1))
    second = data_version(str(tmp_path))
    touch(tmp_path, "dog/c.png")
    assert len({first, second, data_version(str(tmp_path))}) == 3
