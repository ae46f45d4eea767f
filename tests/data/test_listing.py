"""A folder is listed once: what was found is kept, and made again as soon as anything in it has changed."""

import os

import numpy as np
import pytest
from pictures import write

from looc_tf.data import listing, read_table, stored


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two splits of two classes, texts beside them, a picture without extension, a loop of links."""
    monkeypatch.setenv("LOOC_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(listing, "WORTH", 1)
    monkeypatch.setattr(listing, "FRESH", -60.0)
    for number in range(12):
        write(tmp_path / "set" / ("test" if number % 3 else "train") / "cb"[number % 2] / f"{number}.png", color=number)
    write(tmp_path / "set" / "test" / "b" / "bare", color=9)
    write(tmp_path / "set" / "test" / "b" / "notes.txt", b"text")
    write(tmp_path / "set" / "train" / "é" / os.fsdecode(b"x\xe9.png"), color=1)
    (tmp_path / "set" / "again").symlink_to("train")
    return tmp_path / "set"


@pytest.fixture
def walks(monkeypatch):
    """How often a folder was walked through."""
    count, look = [], listing._look
    monkeypatch.setattr(listing, "_look", lambda *given: count.append(1) or look(*given))
    return count


def plain(table):
    labels = {name: values.tolist() for name, values in table.labels.items()}
    rest = table.fields, table.skipped, table.passed_over, table.notes, table.stamp
    return table.ids.tolist(), table.splits.tolist(), labels, *rest


def test_a_folder_is_listed_once(folder, walks):
    first = read_table(folder)
    second = read_table(folder)
    assert len(walks) == 1 and plain(first) == plain(second) and len(first) == 14
    assert first.passed_over == {".txt": 1, listing.SEEN: 1}
    assert [first.picture(row) for row in range(14)] == [second.picture(row) for row in range(14)]
    read_table(folder, rules=1)
    assert len(walks) == 2  # by other rules it is another listing


def come(folder):
    write(folder / "train" / "b" / "new.png", color=3)


def go(folder):
    (folder / "test" / "b" / "1.png").unlink()


def move(folder):
    (folder / "test" / "b").rename(folder / "test" / "a")


def become_a_picture(folder):
    (folder / "test" / "b" / "bare").write_bytes(b"a text that is none")


def link(folder):
    (folder / "again").unlink()
    (folder / "again").symlink_to("test")


@pytest.mark.parametrize("change", [come, go, move, become_a_picture, link])
def test_a_change_is_seen(folder, walks, change):
    before = plain(read_table(folder))
    change(folder)
    after = plain(read_table(folder))
    assert len(walks) == 2 and (after != before or change is link)
    assert plain(read_table(folder)) == after and len(walks) == 2


def test_a_table_of_labels_is_read_at_each_start(folder, walks):
    flat = folder.parent / "flat"
    for number in range(6):
        write(flat / f"{number}.png", color=number)
    (flat / "labels.csv").write_text("file,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(6)))
    assert read_table(flat).labels["label"].tolist() == [0, 1] * 3
    (flat / "labels.csv").write_text("file,label\n" + "".join(f"{n}.png,{'ba'[n % 2]}\n" for n in range(6)))
    table = read_table(flat)
    assert table.labels["label"].tolist() == [1, 0] * 3 and table.passed_over == {} and len(walks) == 1


def test_a_damaged_listing_is_made_again(folder, walks):
    before = plain(read_table(folder))
    (kept,) = stored.folder().iterdir()
    columns = stored.read(kept)
    for name, values in columns.items():
        if len(values):
            kept.write_bytes(stored.content({**columns, name: values[:-1]}))
            assert plain(read_table(folder)) == before, name
    kept.write_bytes(stored.content({**columns, "classes.codes": np.full(14, 9, "<i4")}))
    assert plain(read_table(folder)) == before and len(walks) > 10


def test_what_was_changed_just_now_is_not_kept(folder, walks, monkeypatch):
    monkeypatch.setattr(listing, "FRESH", 60.0)
    read_table(folder)
    read_table(folder)
    assert len(walks) == 2 and not stored.folder().exists()


def test_copies_in_another_style_and_what_cannot_be_looked_at_are_not_kept(folder, walks):
    (folder / "test" / "b" / "nowhere").symlink_to("missing")
    assert [name for name, _ in read_table(folder).skipped] == ["test/b/nowhere"]
    read_table(folder)
    assert len(walks) == 2
