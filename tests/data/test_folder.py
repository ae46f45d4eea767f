"""Folders of pictures: layouts, splits, broken files, and what goes wrong."""

from __future__ import annotations

import os

import numpy as np
import pytest
import tensorflow as tf
from helpers.odd_pictures import save as encode
from pictures import PICTURE, write

from looc_tf.data import load, open_source, read_table, summary
from looc_tf.data.splits import SPLITS
from looc_tf.errors import UserError


def _classes(root, names=("cat", "ant", "bee"), count=20):
    for number, name in enumerate(names):
        for index in range(count):
            write(root / name / f"{index}.png", color=10 * number + index)
    return root


def test_class_folders_are_cut_80_10_10_without_overlap(tmp_path):
    _classes(tmp_path, count=60)
    parts = {split: open_source(tmp_path, split, size=8) for split in SPLITS}
    ids = {split: set(part.ids) for split, part in parts.items()}
    assert sum(map(len, ids.values())) == 180 == len(set.union(*ids.values()))
    assert 125 < len(ids["train"]) < 160 and min(map(len, ids.values())) > 5
    assert all(part.fields == {"label": ("ant", "bee", "cat")} for part in parts.values())


def test_splits_do_not_change_when_pictures_are_added(tmp_path):
    before = {split: set(open_source(_classes(tmp_path), split, size=8).ids) for split in SPLITS}
    _classes(tmp_path, ("dog",), 30)
    after = {split: set(open_source(tmp_path, split, size=8).ids) for split in SPLITS}
    assert all(before[split] <= after[split] for split in SPLITS)


def test_split_folders_with_validation_carved_out_of_train(tmp_path):
    _classes(tmp_path / "train", count=40)
    _classes(tmp_path / "Test", ("ant", "dog"), 5)
    train, validation, test = (open_source(tmp_path, split, size=8) for split in SPLITS)
    assert set(test.ids) == {f"Test/{name}/{index}.png" for name in ("ant", "dog") for index in range(5)}
    assert len(train) + len(validation) == 120 and 0 < len(validation) < 30
    assert train.fields == test.fields == {"label": ("ant", "bee", "cat", "dog")}  # the union of both splits
    assert all(name.startswith("train/") for name in train.ids + validation.ids)


def test_train_and_val_alone_report_on_val(tmp_path):
    _classes(tmp_path / "train", count=20)
    _classes(tmp_path / "val", count=4)
    assert all(name.startswith("val/") for name in open_source(tmp_path, "test", size=8).ids)
    assert all(name.startswith("train/") for name in open_source(tmp_path, "validation", size=8).ids)


def test_flat_folder_has_no_labels(tmp_path):
    for index in range(5):
        write(tmp_path / f"{index}.png", color=index)
    parts = [open_source(tmp_path, split, size=8) for split in SPLITS]
    assert sorted(name for part in parts for name in part.ids) == [f"{index}.png" for index in range(5)]
    assert all(part.fields == {} and set(part.labels["label"]) == {-1} for part in parts)


def test_fetch_and_dataset_give_the_same_elements(tmp_path):
    source = open_source(_classes(tmp_path), "train", size=8)
    rows = list(load(tmp_path, "train", size=8))
    assert len(rows) == len(source)
    order = np.random.default_rng(0).permutation(len(source))[:7]
    batch = source.fetch(tf.constant(order))
    assert batch["image"].shape == (7, 8, 8, 3) and batch["image"].dtype == tf.uint8
    for position, index in enumerate(order):
        for key, values in batch.items():
            np.testing.assert_array_equal(values[position].numpy(), rows[index][key].numpy())
        color = rows[index]["image"].numpy()[0, 0, 0]
        name = source.fields["label"][int(rows[index]["label"])]
        assert rows[index]["id"].numpy().decode() == f"{name}/{color - 10 * ('cat', 'ant', 'bee').index(name)}.png"


def test_fetch_keeps_the_static_shape_in_a_pipeline(tmp_path):
    source = open_source(_classes(tmp_path), "train", size=8)
    pipeline = tf.data.Dataset.range(12).batch(4, drop_remainder=True).map(source.fetch)
    assert pipeline.element_spec["image"].shape == (4, 8, 8, 3)
    assert pipeline.element_spec["label"].dtype == tf.int64 and pipeline.element_spec["id"].dtype == tf.string


def test_pictures_that_do_not_fit_in_memory_are_decoded_at_each_fetch(tmp_path):
    _classes(tmp_path, count=30)
    broken = open_source(tmp_path, "train", size=8).ids[7]
    write(tmp_path / broken, b"broken")
    held, lazy = (open_source(tmp_path, "train", size=8, budget=budget) for budget in (2**30, 0))
    assert held.skipped == [(broken, "not a picture in any known format")] and lazy.skipped == []
    at = lazy.ids.index(broken)
    batch = lazy.fetch(tf.range(len(lazy)))
    assert lazy.skipped == held.skipped
    assert batch["id"][at] == batch["id"][at + 1] == lazy.ids[at + 1]  # the next one stands in, with its own label
    kept = np.delete(batch["image"].numpy(), at, axis=0)
    np.testing.assert_array_equal(kept, held.fetch(tf.range(len(held)))["image"].numpy())
    assert len(list(lazy.dataset())) == len(lazy)


def test_broken_files_are_skipped_counted_and_named(tmp_path):
    _classes(tmp_path / "train", count=10)
    _classes(tmp_path / "test", count=2)
    write(tmp_path / "test/ant/empty.jpg", b"")
    write(tmp_path / "test/ant/half.jpg", encode(PICTURE, "JPEG")[:600])
    write(tmp_path / "test/ant/really_a_png.jpg", encode(PICTURE, "PNG"))
    write(tmp_path / "test/ant/odd.webp", encode(PICTURE, "WEBP"))
    write(tmp_path / "test/ant/notes.txt", b"ignored")
    write(tmp_path / "test/ant/.hidden.png", b"ignored")
    source = open_source(tmp_path, "test", size=8)
    assert len(source) == 6 + 2
    assert [name for name, _ in source.skipped] == ["test/ant/empty.jpg", "test/ant/half.jpg"]
    assert summary(source.skipped).startswith(
        "2 pictures skipped: test/ant/empty.jpg (empty file), test/ant/half.jpg ("
    )
    assert summary([]) == ""


def test_files_that_are_no_pictures_are_counted_by_kind(tmp_path):
    _classes(tmp_path, count=2)
    for name in ("a.NEF", "b.nef", "ant/notes.txt", "README"):
        write(tmp_path / name, b"text")
    assert dict(read_table(tmp_path).passed_over) == {".nef": 2, "without extension": 1, ".txt": 1}
    assert dict(read_table(tmp_path / "ant").passed_over) == {".txt": 1}


def test_stylized_copies_mirror_the_tree(tmp_path):
    _classes(tmp_path, ("ant", "bee"), 10)
    for name in ("ant", "bee"):
        for index in range(10):
            write(tmp_path / "stylized" / name / f"{index}.jpg", encode(PICTURE, "JPEG"))
    (tmp_path / "stylized/ant/3.jpg").unlink()
    parts = [open_source(tmp_path, split, size=8) for split in SPLITS]
    assert parts[0].fields == {"label": ("ant", "bee")}
    assert sum(map(len, parts)) == 19
    assert [name for part in parts for name, _ in part.skipped] == ["ant/3.png"]
    batch = parts[0].fetch([0, 1])
    assert (
        batch["stylized"].shape == (2, 8, 8, 3) and batch["stylized"].numpy().std() > 10 > batch["image"].numpy().std()
    )


def test_symbolic_link_loops_end(tmp_path):
    _classes(tmp_path)
    os.symlink(tmp_path, tmp_path / "ant" / "loop")
    assert sum(len(open_source(tmp_path, split, size=8)) for split in SPLITS) == 60


def test_limit_is_a_stable_sample(tmp_path):
    _classes(tmp_path, count=30)
    small, large = (open_source(tmp_path, "train", size=8, limit=limit).ids for limit in (5, 20))
    assert len(small) == 5 and len(large) == 20 and set(small) < set(large)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./missing", "does not exist"),
        ("empty", "Found no files"),
        ("texts", r"1 other files \(.txt\)"),
        ("broken", "All"),
    ],
)
def test_mistakes_end_in_one_line(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write(tmp_path / "texts/a.txt", b"text")
    write(tmp_path / "broken/a.jpg", b"text")
    with pytest.raises(UserError, match=message) as error:
        open_source(name, "train", size=8)
    assert "\n" not in str(error.value)


def test_one_picture_and_unknown_split(tmp_path):
    write(tmp_path / "a.png", color=1)
    lengths = []
    for split in SPLITS:
        try:
            lengths.append(len(open_source(tmp_path, split, size=8)))
        except UserError as error:
            assert "holds 1 in all" in str(error)
    assert lengths == [1]
    with pytest.raises(UserError, match="Did you mean 'train'"):
        open_source(tmp_path, "trian", size=8)
