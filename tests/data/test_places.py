"""How pictures are named: paths, addresses, TFDS names, and what is none of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pictures import write

from looc_tf.data import read_table
from looc_tf.errors import UserError


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        write(tmp_path / "photos/training" / f"{number}.png", color=number)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("photos/train", r"'photos/train' does not exist \(looked in .*\); 'photos' does, without 'train' in it\. "
                         r"Did you mean 'training'\?$"),
        ("nowhere/at/all", r"'nowhere/at/all' does not exist \(looked in [^;]*\)\.$"),
        ("./photo", r"does not exist .*Did you mean 'photos'\?"),
        ("~/no such folder", "does not exist; "),
        ("photos\\training", "does not exist .*Folders are separated by /"),
        ("C:\\Users\\me", "does not exist .*Folders are separated by /"),
        ("C:/Users/me", "'C:/Users/me' does not exist"),
        ('"photos"', "The quotes are part of the name"),
        ("'photos'", "The quotes are part of the name"),
        ("$HOME/photos", "Nothing behind [$] is filled in here"),
        ("gs://my-bucket/photos", r"buckets are not read\. Copy it, or mount it, and name the folder"),
        ("s3://bucket/x", "buckets are not read"),
        ("https://example.org/photos.zip", r"web pages are not read\. Download it and name the folder"),
        ("file:///no/such/folder", "'/no/such/folder' does not exist"),
        ("", "an empty text"),
        ("phots", r"Received 'phots', and no folder of that name is in .* Did you mean 'photos'\?"),
        ("cifar10/nope", "Received 'cifar10/nope' [(]"),
        ("cifar1O", "Did you mean 'cifar10"),
        ("photos/training/0.png", "Received the file"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_answered_as_what_it_was_meant(name, message):
    with pytest.raises(UserError, match=message) as error:
        read_table(name)
    assert "\n" not in str(error.value) and "Parsing builder" not in str(error.value)


@pytest.mark.parametrize("name", [["photos"], ("photos", "more"), 3, None, np.zeros([2, 2])])
def test_what_is_no_name_at_all(name):
    with pytest.raises(UserError, match=r"a name or a path of pictures\. Received (list|tuple|int|NoneType|ndarray)\."):
        read_table(name)


def test_a_folder_by_its_address(tmp_path):
    write(tmp_path / "a b#1?/1.png", color=1)
    assert len(read_table((tmp_path / "photos").as_uri())) == 3
    assert len(read_table((tmp_path / "a b#1?").as_uri())) == 1
    assert len(read_table(f"file://localhost{tmp_path}/photos")) == 3
    assert len(read_table(Path("photos"))) == len(read_table(os.fsencode("photos").decode())) == 3


def test_a_tfds_name_with_a_slash_is_one(tmp_path):
    with pytest.raises(UserError, match=r"'mnist_corrupted/nope:1\.0\.0' [(]"):
        read_table("mnist_corrupted/nope:1.0.0", tmp_path)


def test_splits_without_labels_of_a_tfds_set_are_the_pool(tmp_path):
    import tensorflow_datasets as tfds

    class Pooled(tfds.core.GeneratorBasedBuilder):
        """A train and a test part, and two that carry no split."""

        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {"image": tfds.features.Image(), "label": tfds.features.ClassLabel(names=["ant", "bee"])}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, manager):
            return {part: self._generate_examples() for part in ("train", "test", "unlabelled", "extra", "odd")}

        def _generate_examples(self):
            for number in range(4):
                yield number, {"image": np.zeros([8, 8, 3], np.uint8), "label": number % 2}

    table = read_table("pooled", tmp_path / "tfds")
    assert [table.splits.tolist().count(name) for name in ("train", "test", "pool")] == [4, 4, 8]
    pool = table.splits == "pool"
    assert (table.labels["label"][pool] == -1).all() and (table.labels["label"][~pool] >= 0).all()
    assert len(read_table("pooled", tmp_path / "tfds", rules=1)) == 8
