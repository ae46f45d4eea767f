"""`looc pack`: what is packed is read as the same pictures, parts and labels, in the same order."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from helpers import tiny
from helpers.odd_pictures import save
from pictures import oriented, write
from PIL import Image

from looc_tf.cli import cli
from looc_tf.data import held, index, open_source, packing, read_table, source, stored, tfrecord
from looc_tf.data.packing import Shape, pack
from looc_tf.data.splits import SPLITS, assign
from looc_tf.errors import UserError
from looc_tf.training import train

NOISE = np.random.default_rng(0).integers(0, 256, (60, 24, 20, 3), np.uint8)
KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


@pytest.fixture(autouse=True)
def _small_files(monkeypatch):
    monkeypatch.setattr(packing, "SHARD", 7)


def picture(number, kind=None):
    image = Image.fromarray(NOISE[number][: 24 - number % 5])
    return save(image.convert("L") if number % 9 == 4 else image, kind or KINDS[number % len(KINDS)])


def folder(place):
    """Classes of odd names, no parts, pictures of all kinds and some that are none."""
    for number in range(40):
        write(place / ("a b", " c", "d\té")[number % 3] / f"{number}", picture(number))
    write(place / "a b" / "x.jpg", oriented(6, "JPEG"))
    write(place / "a b" / "broken.png", b"text")
    write(place / "a b" / "notes.txt", b"text")
    return place


def split_folder(place):
    for number in range(45):
        part = ("train/a", "train/b", "val/a", "unlabeled")[number % 4]
        write(place / part / f"{number}.png", picture(number, "PNG"))
    return place


def table(place):
    for number in range(30):
        write(place / f"{number}.png", picture(number, "PNG"))
    rows = "".join(f"{number}.png,{number % 3 + 7}\n" for number in range(28))
    write(place / "labels.csv", f"file,label\n{rows}".encode())
    return place


def records(place):
    """Two label columns, numbers from 1, a record without a picture."""
    place.mkdir()
    for part in ("train", "test"):
        with tf.io.TFRecordWriter(str(place / f"{part}.tfrecord")) as writer:
            for number in range(20):
                data = {"image": picture(number), "id": b"%d" % number} if number != 5 else {}
                made = {key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[data[key]])) for key in data}
                for key, value in (("label", number % 3 + 1), ("hue", number % 2)):
                    made[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
                writer.write(tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString())
    (place / "hue.labels.txt").write_text("red\nblue\n")
    return place


def stylized(place):
    for number in range(20):
        write(place / "ab"[number % 2] / f"{number}.png", picture(number, "PNG"))
        write(place / "stylized" / "ab"[number % 2] / f"{number}.jpg", picture(number + 30, "JPEG"))
    return place


def deep(place):
    for number in range(20):
        values = NOISE[number].astype(np.uint16)[..., 0] * 16
        write(place / "ab"[number % 2] / f"{number}.png", save_deep(values))
    return place


def save_deep(values):
    return tf.io.encode_png(values[..., None]).numpy()


SETS = {"folder": folder, "splits": split_folder, "table": table, "records": records, "copies": stylized, "deep": deep}


def everything(name, size):
    """All that a training or an evaluation is given of a set."""
    found = {}
    whole = read_table(name)
    for split in SPLITS:
        if not (assign(whole) == split).any():
            continue
        part = open_source(name, split, size=size)
        batch = part.fetch(list(range(len(part))))
        found[split] = part.ids, part.fields, part.pixels, {key: value.numpy().tolist() for key, value in batch.items()}
    return found


@pytest.mark.parametrize("kind", SETS)
def test_what_is_packed_is_the_same(tmp_path, kind):
    name = SETS[kind](tmp_path / "set")
    whole, squares = tmp_path / "whole", tmp_path / "squares"
    pack(name, read_table(name), whole, Shape())
    pack(name, read_table(name), squares, Shape(16))
    expected = everything(name, 16)
    assert everything(squares, 16) == expected and everything(whole, 16) == expected
    assert everything(whole, 21) == everything(name, 21)
    assert len(list(squares.glob("train-*.tfrecord"))) > 1


@pytest.fixture
def packed(tmp_path):
    name = folder(tmp_path / "set")
    return pack(name, read_table(name), tmp_path / "shards", Shape(16))


def test_broken_pictures_are_left_out_and_named(packed):
    assert packed.skipped == [("a b/broken.png", "not a picture in any known format")]
    assert sum(packed.parts.values()) == 41 and packed.bytes > 41 * 16 * 16
    assert len(read_table(packed.path)) == 41
    census = packed.census  # it was that of the listing, with "0 skipped"
    assert (census.training, census.skipped, census.unopened) == (packed.parts["train"], 1, ())
    assert ", 1 skipped as broken; 1 file passed over" in str(census)


def test_the_same_pictures_give_the_same_files(packed, tmp_path):
    again = pack(tmp_path / "set", read_table(tmp_path / "set"), tmp_path / "again", Shape(16))
    names = sorted(file.name for file in packed.path.iterdir() if file.name != index.BESIDE)
    assert names == sorted(file.name for file in again.path.iterdir() if file.name != index.BESIDE)
    for name in names:  # the index holds the times of the files
        assert (packed.path / name).read_bytes() == (again.path / name).read_bytes(), name


def test_shards_are_opened_without_reading_or_decoding_them(packed, monkeypatch, tmp_path):
    monkeypatch.setattr(index, "WORTH", 1)
    copied = shutil.copytree(packed.path, tmp_path / "copied", copy_function=shutil.copyfile)
    for place in (packed.path, copied):
        monkeypatch.setattr(tfrecord, "records", lambda file: pytest.fail("read"))
        monkeypatch.setattr(source, "decode_all", lambda *given: pytest.fail("decoded"))
        part = open_source(place, "train", size=16)
        assert part.fetch([0])["image"].shape == (1, 16, 16, 3)


def test_a_part_of_the_shards_is_a_set_like_others(packed):
    alone = read_table(str(packed.path / "train*"))
    assert not alone.assigned and len(alone) == packed.parts["train"]
    assert {"train", "test"} <= set(assign(alone))


def test_jpegs_are_small_and_nearly_the_same(tmp_path):
    name = folder(tmp_path / "set")
    pack(name, read_table(name), tmp_path / "shards", Shape(16, "jpeg", 98))
    first, second = (open_source(place, "train", size=16) for place in (name, tmp_path / "shards"))
    rows = list(range(len(first)))
    difference = first.fetch(rows)["image"].numpy().astype(int) - second.fetch(rows)["image"].numpy()
    assert first.ids == second.ids and 0 < np.abs(difference).mean() < 3
    assert second._table.picture(0).startswith(b"\xff\xd8\xff")


def test_smaller_squares_than_are_asked_for_are_warned_of(packed):
    assert open_source(packed.path, size=16).remarks == () == open_source(packed.path, size=8).remarks
    ((level, line),) = open_source(packed.path, size=32).remarks
    assert level == logging.WARNING and "packed at 16 px" in line


def test_mistakes_leave_nothing_behind(tmp_path, monkeypatch):
    name = folder(tmp_path / "set")
    found, out = read_table(name), tmp_path / "out"
    out.mkdir()
    write(out / "mine.txt", b"mine")
    with pytest.raises(UserError, match="exists and is not empty"):
        pack(name, found, out, Shape())
    with pytest.raises(UserError, match=r"packed\.json as looc pack wrote it"):
        write(tmp_path / "odd" / "packed.json", b"{}")
        shutil.copy(SETS["records"](tmp_path / "records") / "train.tfrecord", tmp_path / "odd")
        read_table(tmp_path / "odd")
    with pytest.raises(UserError, match="--size original"):
        pack(name, found, tmp_path / "ranged", Shape(16), given=[10, 200])
    with pytest.raises(UserError, match="Pack them as PNG"):
        pack(name, found, tmp_path / "ranged", Shape(16, "jpeg"), bands=[0, 1])
    for number in range(12):
        write(tmp_path / "none" / f"{number}.png", b"text")
    with pytest.raises(UserError, match="are broken"):
        pack("none", read_table(tmp_path / "none"), tmp_path / "empty", Shape())

    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(packing, "_write_beside", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pack(name, found, tmp_path / "cut", Shape())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none", "odd", "out", "records", "set"]


def test_the_command(tmp_path):
    name, out = table(tmp_path / "set"), tmp_path / "shards"
    done = CliRunner().invoke(cli, ["pack", str(name), "-o", str(out), "--size", "12", "--set", "data.limit=9"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("packed: ") and "9 train" in done.stdout
    assert "labels from labels.csv" in done.stderr
    said = json.loads((out / "packed.json").read_text())
    assert said["size"] == 12 and said["parts"]["train"] == 9 and said["fields"] == {"label": ["7", "8", "9"]}
    for wrong in (["--size", "big"], ["--set", "training.steps=1"], ["--set", "data.size=9"]):
        answer = CliRunner().invoke(cli, ["pack", str(name), "-o", str(tmp_path / "x"), *wrong])
        assert answer.exit_code == 2 and answer.stderr.count("\n") == 1, answer.output


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_one_that_is_ended_leaves_nothing(tmp_path):
    name = folder(tmp_path / "set")
    code = "from looc_tf.data import packing; packing.SHARD = 1; import time; keep = packing._example;"
    code += "packing._example = lambda *given: time.sleep(0.5) or keep(*given);"
    code += "import sys; from looc_tf.cli import cli; cli(sys.argv[1:])"
    command = [sys.executable, "-c", code, "pack", str(name), "-o", str(tmp_path / "shards")]
    with subprocess.Popen(command) as process:
        end = time.monotonic() + 120
        while not list(tmp_path.glob(".tmp-*/*.tfrecord")) and time.monotonic() < end:
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_training_on_shards_is_the_one_on_the_folder(tmp_path):
    pictures = tiny.draw(tmp_path / "pictures")
    overrides = ("training.steps=2", "training.monitor_every=0", "model.backbone=plain6")
    pack(pictures, read_table(pictures), tmp_path / "shards", Shape(tiny.experiment(pictures).data.size))
    losses = []
    for place in (pictures, tmp_path / "shards"):
        run = train(tiny.experiment(place, *overrides), tmp_path / f"run-{place.name}")
        about = json.loads((run / "run.json").read_text())
        rows = (run / "history.csv").read_text().splitlines()
        losses.append((about["pictures_sha256"], about["class_names"], rows[0], rows[-1].split(",")[:3]))
    assert losses[0] == losses[1]


def test_nothing_is_kept_of_packed_sets_but_what_lies_beside_them(packed, monkeypatch, tmp_path):
    monkeypatch.setenv("LOOC_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(index, "WORTH", 1)
    monkeypatch.setattr(held, "WORTH", 1)
    open_source(packed.path, "train", size=16)
    assert not stored.folder().exists()
