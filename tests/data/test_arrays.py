"""Pictures in memory: whatever a notebook holds is a source, of one range, or is refused in one line."""

import logging
import re

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.odd_pictures import save
from PIL import Image

import looc_tf
from looc_tf.data import parts_of, source_of
from looc_tf.data.decode import square
from looc_tf.errors import UserError
from looc_tf.methods import build_plan
from looc_tf.views import training_batches

RANDOM = np.random.default_rng(0)
COLOR = RANDOM.integers(0, 256, (6, 16, 16, 3), np.uint8)
GREY = RANDOM.integers(0, 256, (6, 16, 16), np.uint8)
FLOATS = COLOR.astype(np.float32)


class Torch:
    """A tensor of another library: numpy reads it, and nothing else is known of it."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None):
        return self.values if dtype is None else self.values.astype(dtype)


def held(source):
    return source.fetch(np.arange(len(source)))["image"].numpy()


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (COLOR, COLOR),
        (list(COLOR), COLOR),
        (tuple(COLOR), COLOR),
        (tf.constant(COLOR), COLOR),
        (Torch(COLOR), COLOR),
        ([Torch(each) for each in COLOR], COLOR),
        (GREY, np.repeat(GREY[..., None], 3, -1)),
        (GREY[..., None], np.repeat(GREY[..., None], 3, -1)),
        (np.concatenate([COLOR, np.full((6, 16, 16, 1), 255, np.uint8)], -1), COLOR),
        (GREY[:, :8, :8], np.repeat(GREY[:, :8, :8, None], 3, -1)),
        (FLOATS, COLOR),
        (FLOATS / 255, COLOR),
        (COLOR / 255.0, COLOR),
        ((FLOATS / 255).astype(np.float16), COLOR),
        (COLOR.astype(int), COLOR),
        (GREY > 127, np.repeat(np.where(GREY > 127, 255, 0)[..., None], 3, -1)),
        ([Image.fromarray(each) for each in COLOR], COLOR),
        ([Image.fromarray(each) for each in GREY], np.repeat(GREY[..., None], 3, -1)),
        (tf.data.Dataset.from_tensor_slices(COLOR), COLOR),
        (tf.data.Dataset.from_tensor_slices(FLOATS / 255).batch(4), COLOR),
        (tf.data.Dataset.from_tensor_slices(GREY).batch(4), np.repeat(GREY[..., None], 3, -1)),
        (tf.data.Dataset.from_tensor_slices({"image": COLOR}), COLOR),
    ],
)
def test_pictures_in_memory(images, expected):
    source = source_of(images)
    np.testing.assert_allclose(held(source), expected, atol=0 if getattr(images, "dtype", None) != np.float16 else 1)
    assert (len(source), source.size, source.split, source.name) == (6, expected.shape[1], "train", "arrays")
    assert source.fields == {} and source.labels["label"].tolist() == [-1] * 6 and not source.skipped


def test_pictures_of_several_sizes_are_squares_as_from_files(tmp_path):
    several = [RANDOM.integers(0, 256, (*shape, 3), np.uint8) for shape in ((20, 30), (17, 16), (16, 16))]
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, pixels in zip(paths, several):
        path.write_bytes(save(pixels))
    expected = np.stack([square(tf.constant(pixels), 16) for pixels in several])
    for images in (several, paths, [str(path) for path in paths], [Image.open(path) for path in paths]):
        source = source_of(images, size=16)
        np.testing.assert_array_equal(held(source), expected)
    mixed = source_of([several[0], paths[1], Image.fromarray(several[2])], size=16)
    np.testing.assert_array_equal(held(mixed), expected)
    assert source_of(paths, size=16).ids[1].endswith("1.png")


def test_larger_than_memory_is_decoded_at_a_fetch():
    from looc_tf.data.arrays import _table
    from looc_tf.data.source import Source

    table, kept = _table(FLOATS / 255, None, 8, None, "x", None, None)
    again = Source(table, name="x", split="train", budget=0, **kept)
    np.testing.assert_array_equal(held(again), held(source_of(COLOR, size=8)))


def test_a_pil_picture_is_the_file_that_it_came_from(tmp_path):
    """Transparent, of a palette, turned by EXIF, CMYK: the same pixels either way."""
    rgba = Image.fromarray(RANDOM.integers(0, 256, (16, 16, 4), np.uint8))
    turned = Image.fromarray(COLOR[0])
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {"a.png": rgba, "b.png": rgba.convert("LA"), "c.png": turned.convert("P"), "d.tif": turned.convert("CMYK")}
    for name, picture in kinds.items():
        picture.save(tmp_path / name)
    turned.save(tmp_path / "e.png", exif=exif)
    paths = sorted(tmp_path.iterdir())
    np.testing.assert_array_equal(
        held(source_of([Image.open(path) for path in paths[:4]])), held(source_of(paths[:4], size=16))
    )
    assert not np.array_equal(held(source_of([Image.open(paths[4])]))[0], COLOR[0])  # upright now


def test_one_range_for_all_pictures():
    """A dark picture beside a light one stays dark: it is not judged by its own maximum."""
    dark, light = np.full((16, 16, 3), 0.5, np.float32), np.full((16, 16, 3), 200.0, np.float32)
    assert held(source_of([dark, light])).max((1, 2, 3)).tolist() == [0, 200]
    assert held(source_of([dark, light / 255])).max((1, 2, 3)).tolist() == [128, 200]


RAMP = np.linspace(0, 1, 6 * 16 * 16 * 3).reshape(6, 16, 16, 3)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ((RAMP * 4095).astype(np.uint16), r"pixels: uint16, 0 to 409\d of 6 pictures -> 0 to 255"),
        (list((RAMP[..., 0] * 4095).astype(np.uint16)), r"pixels: uint16, 0 to 409\d of 6 pictures -> 0 to 255"),
        ((RAMP * 1600 - 700).astype(np.int16), r"pixels: int16, -(700|699) to (899|900) of 6 pictures -> 0 to 255"),
        (RAMP * 2 - 1, r"pixels: float64, -(1|0\.99\d*) to (1|0\.99\d*) of 6 pictures -> 0 to 255"),
        (np.where(RAMP < 0.01, np.nan, RAMP * 3000), "which become 0"),
    ],
)
def test_wider_numbers_have_one_range_for_the_set(images, said):
    source = source_of(images)
    assert re.search(said, "; ".join(line for _, line in source.remarks))
    assert held(source).max() >= 253 and held(source).min() <= 3 and len(np.unique(held(source))) > 200
    assert not source_of(COLOR).remarks and source_of(COLOR).pixels.plain


def test_bands_and_range_are_those_of_a_file():
    bands = (np.arange(13) * 100 + RAMP[..., :1] * 50).astype(np.uint16)
    three = source_of(bands, bands=[3, 2, 1], range=[0, 1300])
    assert held(three).shape == (6, 16, 16, 3)
    np.testing.assert_array_equal(held(three)[0, 0, 0], np.rint(bands[0, 0, 0, [3, 2, 1]] / 1300 * 255))
    assert held(source_of(bands, bands=range(13))).shape == (6, 16, 16, 13)
    with pytest.raises(UserError, match="13"):
        source_of(bands)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (COLOR[0], r"Expected pictures \[N, H, W, 3\].*\[16, 16, 3\]. Of one picture make a batch: `x\[None\]`"),
        (GREY[0], r"Received \[16, 16\]"),
        (COLOR[..., :2], r"Received \[16, 16, 2\]"),
        (np.zeros((32, 32, 13), np.uint8), r"Received \[32, 32, 13\]"),
        (np.zeros((2, 16, 16, 5)), r"Received \[16, 16, 5\]"),
        (np.moveaxis(COLOR, -1, 1), r"Channels come last: `np.moveaxis\(x, -3, -1\)`"),
        ((COLOR, np.arange(6)), "Labels are the second argument"),
        (COLOR.astype(np.int16), "int16"),
        (FLOATS / 200, "from 0 to 1.27.*or clip them"),
        ([COLOR[0], FLOATS[0]], "one type. Received float32, uint8"),
        (COLOR.astype(complex), "complex128"),
        (np.concatenate([COLOR, COLOR[..., :1]], -1), "an alpha that is opaque.*x\\[..., :3\\]"),
        ([], "none of them"),
        (np.zeros((0, 16, 16, 3)), "none of them"),
        (np.zeros((2, 0, 16, 3)), r"Received \[0, 16, 3\]"),
        ("photos", "a list of pictures. Received one: 'photos'"),
        (Image.fromarray(COLOR[0]), "Put it into a list"),
        ({"a": 1}, r"Received \[\]|dict"),
        (7, r"Received \[\]"),
        ([b"\x89PNG"], "Received bytes"),
        (COLOR[:, :8], r"Expected squares of one size.*\[8, 16\]. Give a size"),
        ([COLOR[0], COLOR[0, :8, :8]], "pictures of 2 sizes"),
        (["a.png"], "Received files. Give a size"),
        (tf.data.Dataset.from_tensor_slices(COLOR).repeat(), "Leave out its `repeat`"),
        (tf.data.Dataset.from_tensor_slices((COLOR, GREY, GREY)), "Expected a data set of pictures or of"),
        (tf.data.Dataset.from_tensor_slices(["a.png"]), "Received strings. Decode them"),
    ],
)
def test_what_is_refused_in_one_line(images, message):
    with pytest.raises(UserError, match=message) as caught:
        source_of(images)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("labels", "classes", "numbers", "names"),
    [
        ([0, 1, 2, 0, 1, -1], None, [0, 1, 2, 0, 1, -1], ("0", "1", "2")),
        (np.array([[0], [1], [2], [0], [1], [2]], np.uint8), None, [0, 1, 2, 0, 1, 2], ("0", "1", "2")),  # Keras' CIFAR
        (np.eye(3)[[2, 1, 0, 0, 1, 2]], None, [2, 1, 0, 0, 1, 2], ("0", "1", "2")),
        (np.array([0.0, 1.0, np.nan, 1.0, 0.0, 0.0]), None, [0, 1, -1, 1, 0, 0], ("0", "1")),
        (["cat", "dog", None, "cat", "ant", "dog"], None, [1, 2, -1, 1, 0, 2], ("ant", "cat", "dog")),
        (tf.constant(["b", "a", "b", "a", "b", "a"]), None, [1, 0, 1, 0, 1, 0], ("a", "b")),
        (["cat"] * 6, ("dog", "cat"), [1] * 6, ("dog", "cat")),
        ([1] * 6, ("dog", "cat"), [1] * 6, ("dog", "cat")),
        ([-1] * 6, None, [-1] * 6, ()),
        (None, None, [-1] * 6, ()),
    ],
)
def test_labels(labels, classes, numbers, names):
    source = source_of(COLOR, labels, classes=classes)
    assert source.labels["label"].tolist() == numbers
    assert source.fields == ({"label": names} if names else {})
    assert source.fetch([5])["label"].numpy().tolist() == numbers[5:]


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 1], None, "Expected a label for each of 6 pictures. Received 2"),
        (np.ones((6, 3)), None, "not one-hot"),
        (np.zeros((6, 3, 2)), None, r"Expected labels \[N\]"),
        ([[0], [1, 2], [], [], [], []], None, "different lengths"),
        ([0.5] * 6, None, "whole numbers or names. Received float64"),
        ([-2] * 6, None, "from 0 to 999999, or -1"),
        ([3] * 6, ("a", "b"), "from 0 to 1, or -1 for none. Received 3 to 3"),
        (["cats"] * 6, ("cat", "dog"), "Unknown label 'cats'. Did you mean 'cat'"),
        ([0] * 6, ("a", "a"), "different names"),
        (tf.data.Dataset.range(3), None, "Expected"),
    ],
)
def test_labels_that_are_refused(labels, classes, message):
    with pytest.raises(UserError, match=message):
        source_of(COLOR, labels, classes=classes)


def test_labels_of_a_data_set_come_with_it():
    marks = np.arange(6) % 3
    for data in (tf.data.Dataset.from_tensor_slices((COLOR, marks)), tf.data.Dataset.from_tensor_slices((GREY, marks))):
        for each in (data, data.batch(4)):
            assert source_of(each).labels["label"].tolist() == marks.tolist()
    hot = tf.data.Dataset.from_tensor_slices((COLOR, np.eye(3)[marks])).batch(4)
    assert source_of(hot).labels["label"].tolist() == marks.tolist()
    with pytest.raises(UserError, match="labels beside it"):
        source_of(hot, marks)


def test_a_data_set_in_memory_has_a_bound(monkeypatch):
    monkeypatch.setattr("looc_tf.data.arrays.BUDGET", 2 * COLOR[0].nbytes)
    with pytest.raises(UserError, match="TFDS name"):
        source_of(tf.data.Dataset.from_tensor_slices(COLOR))


def test_a_broken_picture_in_a_list_is_skipped_and_named(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    good = tmp_path / "good.png"
    good.write_bytes(save(COLOR[0]))
    source = source_of([good, tmp_path / "bad.png", tmp_path / "none.png"], [0, 1, 0], size=16)
    assert [name.rpartition("/")[2] for name, _ in source.skipped] == ["bad.png", "none.png"]
    assert len(source) == 1 and source.labels["label"].tolist() == [0]


def test_zeros_and_ones_are_said_to_be_nearly_black(caplog):
    with caplog.at_level(logging.WARNING):
        source_of((GREY > 127).astype(np.uint8))
    assert "nearly black" in caplog.text


def test_parts_are_the_same_wherever_they_are_cut():
    images, labels = RANDOM.integers(0, 256, (200, 8, 8, 3), np.uint8), np.arange(200) % 4
    parts = parts_of(images, labels)
    assert set(parts) == {"train", "validation", "test"}
    assert sum(len(part) for part in parts.values()) == 200 and 10 < len(parts["test"]) < 40
    assert {part.split for part in parts.values()} == set(parts)
    ids = [set(part.ids) for part in parts.values()]
    assert not ids[0] & ids[1] and not ids[0] & ids[2]
    again = parts_of(list(images), [f"class {number}" for number in labels])
    assert {split: part.ids for split, part in again.items()} == {split: part.ids for split, part in parts.items()}
    with pytest.raises(UserError, match="test part of 'arrays', which holds 2 in all"):
        parts_of(images[:2])


@pytest.mark.parametrize(
    "given", [COLOR, (COLOR, np.arange(6)), [COLOR[0]], tf.data.Dataset.from_tensor_slices(COLOR), None]
)
def test_what_has_no_name_is_sent_to_source_of(given):
    for use in (
        lambda: looc_tf.open_source(given, size=16),
        lambda: looc_tf.open_source(given, np.arange(6), size=16),
        lambda: looc_tf.load_dataset(given, size=16),
        lambda: looc_tf.data.open_parts(given, size=16),
        lambda: training_batches(given, build_plan(tiny.experiment("x")), batch=2, steps=1),
    ):
        with pytest.raises(UserError, match=r"looc_tf\.source_of\(images, labels\)"):
            use()


def test_arrays_train(tmp_path):
    """The batches of a source of arrays are those of the same pictures in a folder, but for their order."""
    source = source_of(COLOR, np.arange(6) % 2)
    batch = next(iter(training_batches(source, build_plan(tiny.experiment("x")), batch=4, steps=1)))
    pictures = batch["picture"].numpy()
    assert batch["label"].numpy().tolist() == (pictures % 2).tolist()
    assert batch["views"]["query"].shape == (4, 16, 16, 3)
