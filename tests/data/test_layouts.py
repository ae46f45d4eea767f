"""What folders are read as: the table of docs/data.md, built and read."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from pictures import write

from looc_tf.data import open_source, read_table
from looc_tf.data.layout import kind_of, layout
from looc_tf.data.splits import SPLITS, assign

DOCUMENT = Path(__file__).parents[2] / "docs" / "data.md"
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| layout ")
]


def folders(pattern):
    """`a/{b,c}/*.png` -> a/b/*.png, a/c/*.png."""
    parts = re.split(r"\{(.*?)\}", pattern)
    choices = [part.split(",") if number % 2 else [part] for number, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*choices)]


def build(root, files):
    """What a cell of the document says lies in a folder: patterns, each with the number of files of it in all."""
    places = {}
    for pattern, count in re.findall(r"`([^`]+)` (\d+)", files):
        if " -> " in pattern:
            link, target = pattern.split(" -> ")
            (root / link).symlink_to(target)
        for place in [] if " -> " in pattern else folders(pattern):
            places[place] = int(count) // len(folders(pattern))
    for place, count in places.items():
        for number in range(count):
            path = root / place.replace("*", f"{place.partition('/')[2].count('t')}{number}")
            write(path, b"text" if path.suffix in (".txt", ".xml", ".csv") else None, color=number)
    if (root / "train.csv").exists():
        names = sorted(path.name for path in (root / "train_images").iterdir())
        rows = [f"{name},{number % 3}" for number, name in enumerate(names)]
        (root / "train.csv").write_text("\n".join(["image_id,target", *rows]))
    return root


def told(counts):
    return ", ".join(f"{name} {count}" for name, count in counts if count)


@pytest.mark.parametrize(
    ("files", "declared", "classes", "passed_over"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_a_layout_is_read_as_the_document_says(tmp_path, files, declared, classes, passed_over):
    table = read_table(build(tmp_path, files))
    counts = Counter(name or "nothing" for name in table.splits.tolist())
    assert told((name, counts[name]) for name in ("train", "validation", "test", "pool", "nothing")) == declared
    assert ", ".join(table.fields.get("label", ())) == classes
    assert ", ".join(f"{count} {kind}" for kind, count in table.passed_over.items()) == passed_over
    labelled = table.labels["label"] >= 0
    assert not labelled[table.splits == "pool"].any()
    parts = assign(table)
    assert set(parts) <= {*SPLITS, "dropped"} and (parts[table.splits == "pool"] == "train").all()


def test_the_document_shows_twelve_layouts():
    assert len(ROWS) == 12


OTHERS = {  # files -> split and class of each
    "train/images/1.jpg valid/images/2.jpg test/images/3.jpg": "train: validation: test:",
    "train/images/a/1.jpg test/images/a/2.jpg": "train:a test:a",
    "cat/train/1.jpg dog/train/1.jpg cat/test/2.jpg": "train:cat train:dog test:cat",
    "set/train/cat/1.jpg set/test/cat/2.jpg": "train:cat test:cat",
    "seg_train/seg_train/a/1.jpg seg_test/seg_test/a/2.jpg seg_pred/seg_pred/3.jpg": "train:a test:a pool:",
    "training_set/cats/1.jpg test_set/cats/2.jpg": "train:cats test:cats",
    "train2017/1.jpg val2017/2.jpg unlabeled2017/3.jpg": "train: validation: pool:",
    "train1/a/1.jpg test1/a/2.jpg": "train:a test:a",
    "train_1/a/1.jpg train_2/b/1.jpg": "train:a train:b",
    "fold_0/1.jpg fold_1/1.jpg": ": :",
    "images_001/images/1.png images_002/images/2.png": ": :",
    "train/a/1.jpg test/a/2.jpg extra/3.jpg stylized/4.jpg 5.jpg": "train:a test:a pool: pool: pool:",
    "a/1.jpg b/1.jpg unlabelled/2.jpg": ":a :b pool:",
    "unlabeled/1.jpg unlabeled/2.jpg": ": :",
    "train/a/1.jpg train/unlabeled/2.jpg test/a/3.jpg": "train:a pool: test:a",
    "train/a/1.jpg unlabeled/2.jpg": "train:a pool:",
    "train/a/1.jpg misc/2.jpg": "train:a pool:",
    # what must stay as it was
    "bus/1.jpg car/1.jpg train/1.jpg": ":bus :car :train",
    "bus/new/1.jpg train/new/1.jpg": ":bus :train",
    "cat/1.jpg dog/1.jpg test/1.jpg": ":cat :dog :test",
    "cat/1.jpg": ":cat",
    "1.jpg cat/1.jpg": ": :cat",
    "0/1.jpg 1/1.jpg": ":0 :1",
    "train/0/1.jpg train/1/1.jpg test/0/1.jpg": "train:0 train:1 test:0",
    "train/cat/a/1.jpg train/dog/a/1.jpg test/cat/a/2.jpg": "train:cat train:dog test:cat",
    "photo/1.jpg sketch/1.jpg": ":photo :sketch",
    "set 1/1.jpg set 2/1.jpg": ":set 1;:set 2",
    # what looks like masks
    "mask/1.jpg no_mask/1.jpg": ":mask :no_mask",
    "labels/1.jpg boxes/1.jpg": ":labels :boxes",
    "images/1.jpg masks/7.png masks/8.png": ":images :masks :masks",
    "train/1.jpg train_masks/1_mask.gif": "train: masks",
    "train/1.png train_labels/1_L.png val/2.png val_labels/2_L.png": "train: masks validation: masks",
    "train/images/1.png train/masks/1.png test/images/2.png": "train: masks test:",
    "bad/a (1).png bad/a (1)_mask.png bad/a (1)_mask_1.png good/b.png": ":bad masks masks :good",
}


@pytest.mark.parametrize("files", OTHERS)
def test_what_folders_say(files):
    paths = [PurePosixPath(text) for text in re.findall(r"\S.*?\.(?:jpg|png|gif)", files)]
    found = layout(paths)
    said = dict(zip(found.pictures, (f"{split}:{name}" for split, name in zip(found.splits, found.classes))))
    separator = ";" if ";" in OTHERS[files] else " "
    assert [said.get(path, "masks") for path in paths] == OTHERS[files].split(separator)
    assert found.passed_over.get("masks", 0) == len(paths) - len(said)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[("Train", "train"), ("val_images", "validation"), ("test-2", "test"), ("train_test", ""), ("test tube", "")],
        *[("fold_1", ""), ("trainers", ""), ("ground_truth", "masks"), ("unlabeled_train", "pool"), ("2017", "")],
    ],
)
def test_names_of_folders(name, kind):
    assert kind_of(name) == kind


def test_the_pool_is_trained_on_and_is_no_class(tmp_path):
    for split, count in (("train", 10), ("test", 6)):
        for label, number in product(("disc", "bar", "ring"), range(count)):
            write(tmp_path / split / label / f"{number}.png", color=number)
    for number in range(60):
        write(tmp_path / "unlabeled" / f"{number}.png", color=number)
    parts = {split: open_source(tmp_path, split, size=8) for split in SPLITS}
    train = parts["train"]
    assert len(train) + len(parts["validation"]) == 30 + 60 and len(parts["test"]) == 18
    assert (train.labels["label"] < 0).sum() == 60 and (parts["validation"].labels["label"] >= 0).all()
    assert all(part.fields == {"label": ("bar", "disc", "ring")} for part in parts.values())


def test_a_class_that_is_called_stylized(tmp_path):
    for name, label in product(range(4), ("photo", "stylized")):
        write(tmp_path / label / f"{label}{name}.png", color=name)
    table = read_table(tmp_path)
    assert table.fields == {"label": ("photo", "stylized")} and len(table) == 8 and table.stylized is None


def test_copies_of_no_picture_are_counted(tmp_path):
    for name in ("a/1.png", "b/1.png", "stylized/a/1.png", "stylized/c/1.png"):
        write(tmp_path / name, color=1)
    table = read_table(tmp_path)
    assert table.stylized is not None and list(table.ids) == ["a/1.png", "b/1.png"]
    assert table.passed_over == {"stylized copies of nothing": 1}


def test_files_without_extension_are_looked_at(tmp_path):
    picture = write(tmp_path / "cat/1.JPG", color=1).read_bytes()
    for name in ("d41d8cd98f00b204", "a.8f00", "photo.jpg_large"):
        write(tmp_path / "cat" / name, picture)
    for name in ("LICENSE", "P5", "notes.2019"):
        write(tmp_path / "cat" / name, b"P5 is no picture, and neither is this")
    write(tmp_path / "cat/b.nef", b"II*\0")
    (tmp_path / "cat/dead").symlink_to("nowhere")
    table = read_table(tmp_path)
    assert list(table.ids) == ["cat/1.JPG", "cat/a.8f00", "cat/d41d8cd98f00b204", "cat/photo.jpg_large"]
    assert table.passed_over == {"without extension": 3, ".nef": 1}
    assert table.skipped == (("cat/dead", "No such file or directory"),)


@pytest.mark.parametrize("installed", [False, True])
def test_the_pictures_of_a_phone_are_taken_where_they_can_be_read(tmp_path, monkeypatch, installed):
    from looc_tf.data import extensions

    monkeypatch.setattr(extensions, "reads_phones", lambda: installed)
    write(tmp_path / "1.JPG", color=1)
    write(tmp_path / "2.HEIC", b"\0\0\0\x18ftypheic")
    write(tmp_path / "3", b"\0\0\0\x18ftypheic")
    table = read_table(tmp_path)
    assert len(table) == (3 if installed else 1)
    assert table.passed_over == ({} if installed else {".heic": 1, "without extension": 1})


def test_every_class_of_three_reaches_each_part(tmp_path):
    for number in range(95):
        write(tmp_path / "disc" / f"{number}.png", color=number)
    for label, count in (("bar", 3), ("ring", 4), ("two", 2)):
        for number in range(count):
            write(tmp_path / label / f"{number}.png", color=number)
    table = read_table(tmp_path)
    parts, labels = assign(table), table.labels["label"]
    for label, name in enumerate(table.fields["label"]):
        found = set(parts[labels == label])
        assert found == set(SPLITS) or name == "two", name
    alike = assign(read_table(tmp_path, rules=1)) == parts
    assert alike[labels == table.fields["label"].index("disc")].all()  # the hash alone where that is enough
    assert 0 < (~alike).sum() < 6


def test_by_the_first_rules_a_set_is_read_as_it_was(tmp_path):
    for name in ("train/a/1.png", "test/a/2.png", "unlabeled/3.png", "4.png", "train/b/hash"):
        write(tmp_path / name, color=1)
    write(tmp_path / "labels.csv", b"file,label\n1.png,x\n2.png,y\n")
    table = read_table(tmp_path, rules=1)
    assert list(table.ids) == ["4.png", "test/a/2.png", "train/a/1.png", "unlabeled/3.png"]
    assert table.fields == {"label": ("a", "unlabeled")} and table.splits.tolist() == ["", "test", "train", ""]
    np.testing.assert_array_equal(assign(table), ["", "test", "train", ""])


def test_a_second_link_to_a_folder_is_counted(tmp_path):
    write(tmp_path / "cat/1.png", color=1)
    (tmp_path / "dog").symlink_to("cat")
    (tmp_path / "cat/loop").symlink_to("..")
    table = read_table(tmp_path)
    assert list(table.ids) == ["cat/1.png"] and table.passed_over == {"folders seen already": 2}


@pytest.mark.parametrize(
    "places",
    [
        ["cat/*.png", "dog/*.png"],
        ["*.png"],
        ["train/cat/*.png", "train/dog/*.png", "test/cat/*.png", "test/dog/*.png"],
        ["train/cat/*.png", "train/dog/*.png", "val/cat/*.png", "val/dog/*.png"],
        ["Training/cat/*.png", "valid/cat/*.png", "TEST/dog/*.png", "Training/dog/*.png", "valid/dog/*.png"],
        ["train/Fruit/Apple/*.png", "train/Bread/Rye/*.png", "test/Fruit/Apple/*.png", "test/Bread/Rye/*.png"],
        ["train/*.png", "test/*.png"],
        ["cat/*.png", "dog/*.png", "stylized/cat/*.png", "stylized/dog/*.png"],
    ],
)
def test_usual_sets_are_read_alike_by_both_rules(tmp_path, places):
    for place, number in product(places, range(150)):
        write(tmp_path / place.replace("*", str(number)), b"not opened")
    before, now = (read_table(tmp_path, rules=rules) for rules in (1, 2))
    assert list(before.ids) == list(now.ids) and before.fields == now.fields
    np.testing.assert_array_equal(before.labels["label"], now.labels["label"])
    np.testing.assert_array_equal(assign(before), assign(now))
    assert (before.stylized is None) == (now.stylized is None)
