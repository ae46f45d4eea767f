"""How many pictures of a set are for what: counted, in one line, and as JSON."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import tiny
from PIL import Image

from looc_tf.data import Census, census_of, open_parts, open_source
from looc_tf.data.census import opening_lines
from looc_tf.data.table import Table, objects

STL = Census(
    "photos",
    training=90,
    validation=8,
    test=18,
    labelled=30,
    classes=3,
    class_names=("bar", "disc", "ring"),
    passed_over={".heic": 40, ".nef": 5, "without extension": 5},
    unused={"test without labels": 2},
    notes=("labels from labels.csv",),
)


def table(labels, names=("bar", "disc", "ring"), **more):
    ids = objects([f"{number}.png" for number in range(len(labels))])
    fields = {"label": names} if names else {}
    empty = np.array([""] * len(labels))
    return Table(ids, empty, {"label": np.array(labels, np.int64)}, fields, lambda row: b"", **more)


def test_a_census_is_one_line():
    assert str(STL) == (
        "photos: 90 training pictures (30 labelled, 3 classes: bar, disc, ring), 8 validation, 18 test, 0 skipped; "
        "50 files passed over: 40 .heic, 5 .nef, 5 without extension; 2 unused (test without labels)"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labelled": 90}, "90 training pictures (3 classes: bar, disc, ring), 8 validation"),
        ({"labelled": 0, "classes": 0}, "90 training pictures (no labels), 8 validation"),
        ({"classes": 1, "class_names": ("bar",)}, "(30 labelled, 1 class: bar)"),
        ({"classes": 81, "class_names": tuple("abcdefgh")}, "(30 labelled, 81 classes: a, b, c, d, e, ...)"),
        ({"training": 1, "labelled": 1}, "photos: 1 training picture ("),
        ({"validation": 0, "test": 0}, "ring), 0 skipped; 50 files"),
        ({"skipped": 2}, "18 test, 2 skipped as broken; 50"),
        ({"passed_over": {}, "unused": {}}, "18 test, 0 skipped"),
        ({"passed_over": {".nef": 1}}, "1 file passed over: 1 .nef;"),
        ({"passed_over": {f".{c}": 2 for c in "abcdefghi"}}, "2 .f, 6 of other kinds;"),
        ({"unused": {"in no part": 3, "beyond the limit": 1}}, "; 4 unused (3 in no part, 1 beyond the limit)"),
        ({"name": "a\nb\x1b[31m", "class_names": ("x\x1b", "y", "z")}, r"a b\x1b[31m: 90 training pictures (30 "),
    ],
)
def test_what_a_line_says_and_what_it_leaves_out(change, words):
    line = str(replace(STL, **change))
    assert words in line and line.isprintable()


def test_rows_are_counted_by_part_and_only_classes_that_training_pictures_have():
    splits = np.array(["train", "train", "train", "test", "dropped", "", "validation"])
    census = Census.of(table([1, -1, 1, 2, -1, 0, 1]), splits, "set")
    assert (census.training, census.labelled, census.classes, census.class_names) == (3, 2, 1, ("disc",))
    assert (census.validation, census.test) == (1, 1)
    assert census.unused == {"test without labels": 1, "in no part": 1}


def test_a_census_stays_small_however_many_kinds_and_classes_there_are():
    labels = list(range(5000))
    passed_over = {f".k{number}": 9000 - number for number in range(5000)}
    many = table(labels, tuple(f"class {number}" for number in labels), passed_over=passed_over)
    census = Census.of(many, np.array(["train"] * 5000), "many")
    assert len(json.dumps(census.as_dict())) < 2000 and len(str(census)) < 400
    assert census.classes == 5000 and sum(census.passed_over.values()) == sum(passed_over.values())


def test_a_census_survives_json_and_what_is_none_is_none():
    said = json.loads(json.dumps(STL.as_dict()))
    assert Census.read(said) == STL
    for broken in (
        None,
        [],
        {},
        "x",
        {**said, "test": "many"},
        {**said, "unused": 3},
        {**said, "class_names": None},
        {**said, "notes": "x"},
    ):
        assert Census.read(broken) is None
    del said["labelled"]
    assert Census.read(said) is None


def test_notes_on_how_a_set_was_read_stand_below_the_line():
    assert STL.lines == [str(STL), "labels from labels.csv"]
    read = Census.of(table([0], notes=("a.csv is not read:\nno column",)), np.array(["train"]), "set")
    assert read.lines[1:] == ["a.csv is not read: no column"]


def test_labels_without_names_are_named_by_number():
    assert Census.of(table([0, 4], names=("a",)), np.array(["train"] * 2), "set").class_names == ("a", "4")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """60 pictures of three classes in train/ and test/, two broken training pictures, and what is no picture."""
    root = tmp_path_factory.mktemp("data") / "pictures"
    tiny.draw(root / "train", each=12)
    tiny.draw(root / "test", each=8)
    for number in range(2):
        (root / "train" / "disc" / f"broken{number}.png").write_bytes(b"\x89PNG no")
    for number in range(4):
        (root / "train" / "disc" / f"{number}.nef").write_bytes(b"raw")
    return root


def test_parts_that_are_opened_know_how_the_whole_set_turned_out(pictures):
    parts = open_parts(str(pictures), size=16)
    census = census_of(parts.values())
    listed = parts["train"].census
    assert listed.training + listed.validation == 38 and listed.skipped == 0
    assert census.training == len(parts["train"]) and census.validation == len(parts["validation"])
    assert (census.training + census.validation, census.skipped, census.test) == (36, 2, 24)
    assert census.labelled == census.training and census.class_names == ("bar", "disc", "noise")
    assert census.passed_over == {".nef": 4} and census.unused == {}


def test_of_parts_that_were_not_opened_it_is_not_said_that_nothing_was_skipped(pictures):
    """`looc train` opens the training part alone, and said "0 skipped" of all."""
    later = "so far (validation and test pictures are looked at when they are read)"
    train = census_of([open_source(str(pictures), "train", size=16)])
    assert train.unopened == ("validation", "test") and f", 24 test, 2 skipped as broken {later}; 4 files" in str(train)
    test = census_of([open_source(str(pictures), "test", size=16)])
    assert "0 skipped so far (training and validation pictures are looked at when they are read)" in str(test)
    streamed = census_of([open_source(str(pictures), "train", size=16, budget=0)])
    assert "0 skipped so far (training, validation and test pictures are looked at" in str(streamed)
    whole = census_of(open_parts(str(pictures), size=16).values())
    assert whole.unopened == () and ", 2 skipped as broken; " in str(whole)
    assert Census.read(json.loads(json.dumps(train.as_dict()))) == train


def test_a_census_of_an_earlier_version_is_read(pictures):
    said = json.loads(json.dumps(STL.as_dict()))
    del said["unopened"]
    assert Census.read(said) == STL
    assert Census.read({**said, "unopened": "test"}) is None


def test_opened_parts_name_what_is_broken(pictures):
    census, broken = opening_lines(open_parts(str(pictures), size=16).values())
    assert census.startswith(f"{pictures}: ")
    assert re.fullmatch(
        r"2 pictures skipped: train/disc/broken[01].png \(.+\), train/disc/broken[01].png \(.+\)", broken
    )
    assert len(opening_lines([open_source(str(pictures), "test", size=16)])) == 1


def test_one_part_with_a_limit_says_what_is_beyond_it(pictures):
    whole = open_source(str(pictures), "train", size=16)
    source = open_source(str(pictures), "train", size=16, limit=10)
    census = census_of([source])
    assert census.training == len(source) and census.test == 24
    assert census.unused == {"beyond the limit": source.census.unused["beyond the limit"]}
    assert 10 + census.unused["beyond the limit"] == whole.census.training


def test_no_picture_is_opened_for_a_census(pictures, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("opened"))
    from looc_tf.data import read_table
    from looc_tf.data.splits import assign

    read = read_table(pictures)
    read = replace(read, picture=lambda row: pytest.fail("read"))
    assert Census.of(read, assign(read), "pictures").test == 24
