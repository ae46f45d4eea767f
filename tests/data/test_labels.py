"""Labels from a CSV file: found or named, read in whatever way people write them, refused where they say two things."""

from __future__ import annotations

import pytest
from pictures import write

from looc_tf.data import labels as tables
from looc_tf.data import open_parts, open_source, read_table
from looc_tf.errors import UserError


def folder(root, names=tuple(f"{number}.jpg" for number in range(6))):
    for number, name in enumerate(names):
        write(root / name, color=number)
    return root


def said(table):
    """id -> class."""
    names = (*table.fields.get("label", ()), None)
    return {name: names[number] for name, number in zip(table.ids, table.labels["label"])}


TABLE = {f"{number}.jpg": ("cat", "dog")[number % 2] for number in range(6)}
ROWS = [f"{name},{label}" for name, label in TABLE.items()]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(["filename,label", *ROWS]),
        "\n".join(["label;image", *(f"{label};{name}" for name, label in TABLE.items())]),
        "\n".join(["ID\tTarget", *(f"{name[:-4]}\t{label}" for name, label in TABLE.items())]),
        "\ufeff" + "\r\n".join(["image_id,breed,weight", *(f"{row},3.5" for row in ROWS)]),
        "\n".join(["path,what", *(f"/kaggle/input/set/{row}" for row in ROWS)]),
        "\n".join(["path,what", *(f".\\{row}" for row in ROWS)]),
        "\n".join(["number,file,class", *(f"{number % 2},{row}" for number, row in enumerate(ROWS))]),
        "\n".join(ROWS),
        "\n".join(["", '"file" , "class"', *(f'"{name}", "{label}"' for name, label in TABLE.items()), "", ""]),
    ],
)
def test_a_table_is_read_however_it_is_written(tmp_path, text):
    folder(tmp_path)
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8", newline="")
    table = read_table(tmp_path)
    assert said(table) == TABLE
    assert table.notes == ("labels from labels.csv: 6 rows, 0 without a picture; 0 pictures without a row",)
    assert table.passed_over == {}


def test_utf_16_as_a_spreadsheet_saves_it(tmp_path):
    folder(tmp_path)
    (tmp_path / "labels.csv").write_text("\n".join(["file\tclass", *ROWS]).replace(",", "\t"), encoding="utf-16")
    assert said(read_table(tmp_path)) == TABLE


def test_rows_and_pictures_without_each_other_are_counted(tmp_path):
    folder(tmp_path)
    (tmp_path / "labels.csv").write_text("\n".join(["file,class", *ROWS[:4], "no.jpg,cat", "../../etc/passwd,dog"]))
    table = read_table(tmp_path)
    assert said(table) == {**dict(list(TABLE.items())[:4]), "4.jpg": None, "5.jpg": None}
    assert table.notes == ("labels from labels.csv: 6 rows, 2 without a picture; 2 pictures without a row",)


def test_numbers_are_classes_in_their_order(tmp_path):
    folder(tmp_path)
    (tmp_path / "labels.csv").write_text(
        "\n".join(["file,class", *(f"{n}.jpg,{(10, 9.0, 2)[n % 3]}" for n in range(6))])
    )
    assert read_table(tmp_path).fields == {"label": ("2", "9", "10")}


def test_a_column_of_splits(tmp_path):
    folder(tmp_path)
    rows = [f"{row},{('train', 'val', 'test')[number % 3]}" for number, row in enumerate(ROWS)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,class,split", *rows]))
    parts = open_parts(tmp_path, size=8)
    assert {split: part.ids for split, part in parts.items()} == {
        "train": ["0.jpg", "3.jpg"],
        "validation": ["1.jpg", "4.jpg"],
        "test": ["2.jpg", "5.jpg"],
    }
    (tmp_path / "labels.csv").write_text("\n".join(["file,class,split", *(f"{row},{row[0]}" for row in ROWS)]))
    assert set(read_table(tmp_path).splits) == {""}  # folds are no splits


def test_kaggle_lays_the_table_beside_the_folders(tmp_path):
    names = [f"train/{number}.jpg" for number in range(6)] + [f"test/{number}.jpg" for number in (7, 8)]
    folder(tmp_path, names)
    (tmp_path / "train.csv").write_text("\n".join(["id,diagnosis", *(row.replace(".jpg", "") for row in ROWS)]))
    (tmp_path / "sample_submission.csv").write_text("id,diagnosis\n7,cat\n8,cat\n")
    table = read_table(tmp_path)
    assert said(table) == {
        **{f"train/{name}": label for name, label in TABLE.items()},
        "test/7.jpg": None,
        "test/8.jpg": None,
    }
    assert table.passed_over == {".csv": 1}


def test_names_below_a_folder_and_names_that_two_pictures_have(tmp_path):
    folder(tmp_path, ["set/x/1.jpg", "set/x/2.jpg", "set/y/1.jpg", "set/y/3.jpg"])
    table = tmp_path / "mine.csv"
    table.write_text("f,l\nx/1,a\nx/2,a\ny/1,b\n3,b\n1,c\n")  # "1" is the name of two
    assert said(read_table(tmp_path, labels=table)) == {
        "set/x/1.jpg": "a", "set/x/2.jpg": "a", "set/y/1.jpg": "b", "set/y/3.jpg": "b",
    }  # fmt: skip


def test_class_folders_are_believed_unless_a_table_is_named(tmp_path):
    folder(tmp_path, ["cat/1.jpg", "cat/2.jpg", "dog/3.jpg"])
    (tmp_path / "labels.csv").write_text("file,label\n1.jpg,x\n2.jpg,y\n3.jpg,x\n")
    found, named = read_table(tmp_path), read_table(tmp_path, labels="labels.csv")
    assert said(found) == {"cat/1.jpg": "cat", "cat/2.jpg": "cat", "dog/3.jpg": "dog"}
    assert said(named) == {"cat/1.jpg": "x", "cat/2.jpg": "y", "dog/3.jpg": "x"}
    assert found.passed_over == {".csv": 1} and named.passed_over == {}


def test_a_table_may_lie_elsewhere_and_be_turned_off(tmp_path):
    folder(tmp_path / "set")
    (tmp_path / "elsewhere.csv").write_text("\n".join(["file,class", *ROWS]))
    source = open_source(tmp_path / "set", size=8, labels=tmp_path / "elsewhere.csv")
    assert source.fields == {"label": ("cat", "dog")} and source.notes[0].startswith(
        "labels from elsewhere.csv: 6 rows"
    )
    (tmp_path / "set/labels.csv").write_text("\n".join(["file,class", *ROWS]))
    assert read_table(tmp_path / "set", labels="none").fields == {}


def test_columns_by_name(tmp_path):
    folder(tmp_path)
    rows = ["file,colour,size", *(f"{row},{number % 3}" for number, row in enumerate(ROWS))]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    table = read_table(tmp_path)
    assert table.fields == {} and "which of its columns 'file', 'colour', 'size' holds the labels?" in table.notes[0]
    read = read_table(tmp_path, labels="labels.csv", label_columns=("file", "size"))
    assert read.fields == {"label": ("0", "1", "2")}
    assert read_table(tmp_path, labels="labels.csv", label_columns=("size",)).fields == read.fields
    with pytest.raises(UserError, match=r"one or two of its columns file, colour, size in data\.label_columns"):
        read_table(tmp_path, labels="labels.csv", label_columns=("file", "weight"))


@pytest.mark.parametrize("label", ["cat", "dog"])
def test_two_rows_for_one_picture_are_an_error(tmp_path, label):
    folder(tmp_path)
    (tmp_path / "labels.csv").write_text("\n".join(["file,class", *ROWS, f"0,{label}"]))
    with pytest.raises(UserError, match=rf"'0' has two: 'cat' in line 2, '{label}' in line 8\. Leave one of them out"):
        read_table(tmp_path)
    assert read_table(tmp_path, labels="none").fields == {}


MISTAKES = {
    "not UTF-8": "\n".join(["file,class", *ROWS]).encode() + b"\xff\xfe\xfa",
    "numbers such as 0.5": "\n".join(["file,class", *(f"{n}.jpg,{n}.5" for n in range(6))]).encode(),
    "no column of it names pictures": b"file,class\nx.jpg,a\ny.jpg,b\n",
    "no two rows of two cells": b"hello\nworld\n",
    "cannot be read as CSV": b"file,class\n\"1.jpg" + b"x" * (1 << 18) + b"\",a\n",
    "every picture has a label of its own": "\n".join(["file,text", *(f"{n}.jpg,no {n}" for n in range(9))]).encode(),
}  # fmt: skip


@pytest.mark.parametrize("message", MISTAKES)
def test_what_is_no_table_of_labels(tmp_path, message):
    folder(tmp_path, [f"{number}.jpg" for number in range(9)])
    (tmp_path / "labels.csv").write_bytes(MISTAKES[message])
    with pytest.raises(UserError, match=message) as error:
        read_table(tmp_path, labels="labels.csv")
    assert "\n" not in str(error.value) and len(str(error.value)) < 500
    table = read_table(tmp_path)  # nobody named it: it is left aside, and that is said
    assert table.fields == {} and message in table.notes[0] and table.passed_over == {".csv": 1}


def test_most_rows_of_other_pictures(tmp_path):
    folder(tmp_path)
    (tmp_path / "all.csv").write_text("\n".join(["file,class", *ROWS, *(f"x{n}.jpg,cat" for n in range(7))]))
    table = read_table(tmp_path)
    assert table.fields == {} and table.notes == ("all.csv is not read: most of its rows are of no picture here",)
    assert len(read_table(tmp_path, labels="all.csv").fields["label"]) == 2


def test_a_table_that_is_missing_too_large_or_of_no_folder(tmp_path, monkeypatch):
    folder(tmp_path)
    with pytest.raises(UserError, match=r"'no\.csv' does not exist, nor does it in"):
        read_table(tmp_path, labels="no.csv")
    (tmp_path / "labels.csv").write_text("\n".join(["file,class", *ROWS]))
    monkeypatch.setattr(tables, "LARGEST", 10)
    with pytest.raises(UserError, match="more than 10 bytes"):
        read_table(tmp_path, labels="labels.csv")
    with pytest.raises(UserError, match=r"Expected a folder of pictures beside data\.labels"):
        read_table("factors", labels="labels.csv")
