"""The explorer of a page: what its sheet, its numbers and its shares are."""

import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import pages
from PIL import Image

from looc_tf.data import source_of
from looc_tf.report import explorer as module
from looc_tf.report.explorer import Field, explorer, sheet_of


def make(folder, count=60, **runs):
    runs = runs or {"looc": ("all", "rotation"), "moco": ("all",)}
    made = {label: pages.run(folder / label, label, spaces, seed) for seed, (label, spaces) in enumerate(runs.items())}
    return explorer(made, pages.source(count))


def image_of(uri):
    kind, _, content = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_it_holds_every_representation_of_every_run_and_shows_some_at_first(tmp_path):
    made = make(tmp_path)
    names = [one["name"] for one in made.data["representations"]]
    assert names == [*(f"looc: {name}" for name in ("trunk", "all", "rotation", "concat")), "moco: trunk", "moco: all"]
    assert made.shown == ["looc: trunk", "looc: all", "looc: rotation", "moco: trunk"]
    assert [field["name"] for field in made.data["fields"]] == ["object", "hue", "rotation"]
    count, step = made.data["count"], made.data["neighbors"]
    assert (count, step) == (60, 8)
    for one in made.data["representations"]:
        for row in one["nearest"]:
            rows = np.array(row).reshape(count, step)
            assert not (rows == np.arange(count)[:, None]).any() and rows.min() >= 0 and rows.max() < count
    json.dumps(made.data)  # nothing of NumPy's is left


def test_the_first_queries_are_of_every_class(tmp_path):
    made = make(tmp_path)
    first = dict(made.first(4, 5))
    found = first[0]
    assert list(first) == [0, 1, 2, 3] and list(found) == made.shown
    assert found["looc: trunk"] == made.data["representations"][0]["nearest"][0][:5]
    assert {made.data["fields"][0]["of"][query] for query in range(4)} == {-1, 0, 1, 2}


def test_shares_are_those_of_a_plain_loop(tmp_path):
    made = make(tmp_path)
    count, step = made.data["count"], made.data["neighbors"]
    for row, one in zip(made.shares.rows, made.data["representations"]):
        assert row[0] == one["name"]
        for shown, field in zip(row[1:], made.data["fields"]):
            of, nearest = field["of"], one["nearest"][field["turned"]]
            pairs = [(p, n) for p in range(count) if of[p] >= 0 for n in nearest[p * step : (p + 1) * step]]
            assert shown == f"{100 * np.mean([of[p] == of[n] for p, n in pairs]):.1f}"
    chance = made.shares.foot[0][1:]
    for shown, field in zip(chance, made.data["fields"]):
        of = field["of"]
        others = [of[p] == of[n] for p in range(count) if of[p] >= 0 for n in range(count) if n != p]
        assert shown == f"{100 * np.mean(others):.1f}"


def test_a_share_where_nothing_else_is_labelled():
    field = Field("object", ("a",), np.array([-1, 0, -1]))
    assert field.share(np.array([[1], [0], [1]])) == 0.0 and field.chance == 0.0


def test_the_sheet_holds_each_picture_where_its_number_says():
    images = np.zeros((5, 32, 32, 3), np.uint8) + np.linspace(0, 255, 5).astype(np.uint8)[:, None, None, None]
    sheet = np.asarray(Image.open(io.BytesIO(sheet_of(source_of(images, size=32), np.array([4, 3, 2, 1, 0]), 3))))
    assert sheet.shape == (64, 96, 3)
    for number, picture in enumerate(images[::-1]):
        y, x = divmod(number, 3)
        assert abs(sheet[y * 32 : y * 32 + 32, x * 32 : x * 32 + 32].astype(int) - picture).max() <= 2
    assert not sheet[32:, 64:].any()


@pytest.mark.parametrize(("channels", "size", "side"), [(1, 20, 16), (5, 100, 48), (3, 5, 8)])
def test_pictures_of_any_channels_and_size(channels, size, side):
    images = np.full((2, size, size, channels), 200, np.uint8)
    source = SimpleNamespace(size=size, fetch=lambda rows: {"image": SimpleNamespace(numpy=lambda: images)})
    assert np.asarray(Image.open(io.BytesIO(sheet_of(source, np.arange(2), 2)))).shape == (side, 2 * side, 3)


def test_of_pictures_that_do_not_pack_well_the_sheet_stays_small(monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 48, 3), np.uint8)
    source = source_of(noise, size=48)
    whole = len(sheet_of(source, np.arange(64), 8))
    monkeypatch.setattr(module, "LARGEST", whole // 2)
    assert len(sheet_of(source, np.arange(64), 8)) <= whole // 2


def test_of_many_representations_fewer_pictures_are_searched(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "NUMBERS", 8 * 2 * 4 * 25)  # of a run of two spaces
    assert make(tmp_path / "one", looc=("all", "rotation")).data["count"] == 25
    two = make(tmp_path / "two", looc=("all", "rotation"), other=("all", "rotation"))
    assert two.data["count"] == 12
    numbers = sum(len(row) for one in two.data["representations"] for row in one["nearest"])
    assert numbers <= module.NUMBERS


def test_few_pictures_and_one():
    runs = {"looc": SimpleNamespace()}
    assert explorer(runs, pages.source(1)) is None


def test_two_pictures_are_each_others_neighbors(tmp_path):
    made = make(tmp_path, count=2)
    assert made.data["neighbors"] == 1 and made.data["representations"][0]["nearest"][0] == [1, 0]
    assert [query for query, _ in made.first(6, 5)] == [0, 1]
