"""What is known to be broken is left out without decoding the rest: a second start is the first one, but at once."""

import numpy as np
import pytest
from helpers.odd_pictures import save
from pictures import write
from PIL import Image

from looc_tf.data import held, open_source, source
from looc_tf.data.splits import SPLITS

BROKEN = ("b/03.png", "b/11.png", "b/17.png")
SHADES = np.random.default_rng(0).integers(0, 256, (40, 9, 8, 3), np.uint8)


def picture(number):
    return save(Image.fromarray(SHADES[number]), "PNG")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOC_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(held, "WORTH", 1)
    for number in range(40):
        name = f"{'ab'[number % 2]}/{number:02}.png"
        write(tmp_path / "set" / name, b"text" if name in BROKEN else picture(number))
    return tmp_path / "set"


@pytest.fixture
def decoded(monkeypatch):
    """The names of the pictures that are decoded at opening."""
    names, decode = [], source.decode_all
    monkeypatch.setattr(source, "decode_all", lambda *given: names.extend(given[1]) or decode(*given))
    return names


def opened(folder):
    return [open_source(folder, split, size=8) for split in SPLITS]


def everything(sources):
    return [
        (one.ids, one.skipped, one.labels["label"].tolist(), one.fetch(list(range(len(one))))["image"].numpy().tolist())
        for one in sources
    ]


def test_a_second_start_decodes_nothing_and_gives_the_same(folder, decoded):
    first = everything(opened(folder))
    assert len(decoded) == 40
    again = opened(folder)
    assert len(decoded) == 40 and everything(again) == first
    assert sum(len(one) for one in again) == 37
    assert sorted(name for one in again for name, _ in one.skipped) == list(BROKEN)


def test_it_decodes_what_is_asked_for_and_that_once(folder, monkeypatch):
    opened(folder)
    train, read = opened(folder)[0], []
    decode_one = source.decode_one
    monkeypatch.setattr(source, "decode_one", lambda *given: read.append(1) or decode_one(*given))
    for _ in range(3):
        train.fetch([0, 2, 1, 0])
    assert 3 <= len(read) <= 4  # two threads may meet at one picture
    part = train.take(np.array([2, 5]))
    np.testing.assert_array_equal(part.fetch([0, 1])["image"], train.fetch([2, 5])["image"])
    assert len(read) <= 6


def test_a_mended_picture_is_in_again_and_one_that_broke_is_replaced(folder):
    opened(folder)
    write(folder / BROKEN[0], picture(3))
    (train,) = (one for one in opened(folder) if BROKEN[0] in one.ids)
    assert BROKEN[0] not in dict(train.skipped)
    write(folder / train.ids[0], b"text")
    again = open_source(folder, train.split, size=8)
    batch = again.fetch([0, 1])
    assert [name.decode() for name in batch["id"].numpy()] == [train.ids[1]] * 2
    assert again.skipped[-1] == (train.ids[0], "not a picture in any known format")


def test_other_pictures_sizes_and_parts_are_looked_at_themselves(folder, decoded):
    opened(folder)
    open_source(folder, "train", size=9)
    count = len(decoded)
    assert count > 40
    open_source(folder, "train", size=8, limit=5)
    assert len(decoded) == count + 5
    write(folder / "b" / "40.png", picture(1))
    opened(folder)
    assert len(decoded) == count + 5 + 41
