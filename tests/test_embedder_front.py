"""What a person has, to an embedder: one picture, grey ones, PIL pictures, paths; one range, 0..255."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract
from helpers.odd_pictures import save
from PIL import Image

from looc_tf.data import source_of
from looc_tf.errors import UserError
from looc_tf.export import Embedder
from looc_tf.models import Encoder

RANDOM = np.random.default_rng(0)
COLOR = RANDOM.integers(0, 256, (5, 24, 24, 3), np.uint8)
GREY = RANDOM.integers(0, 256, (5, 24, 24), np.uint8)
GREY3 = np.repeat(GREY[..., None], 3, -1)
RGBA = np.concatenate([COLOR, np.full_like(COLOR[..., :1], 255)], -1)


@pytest.fixture(scope="module")
def embedder():
    tf.keras.utils.set_random_seed(5)
    return Embedder(Encoder(contract.MODEL, ["all"]), data_size=24, view_size=16)


def close(rows, others):
    assert set(rows) == set(others) == {"trunk", "all"}
    for name in rows:
        np.testing.assert_allclose(rows[name], others[name], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("given", "pixels"),
    [
        (COLOR, COLOR),
        (list(COLOR), COLOR),
        (tf.constant(COLOR), COLOR),
        (COLOR.astype(np.float32), COLOR),
        (COLOR.astype(int), COLOR),
        (COLOR[0], COLOR[:1]),
        (tf.constant(COLOR[0]), COLOR[:1]),
        (GREY, GREY3),
        (GREY[..., None], GREY3),
        (GREY[0], GREY3[:1]),
        (RGBA, COLOR),
        (RGBA[0], COLOR[:1]),
        (Image.fromarray(COLOR[0]), COLOR[:1]),
        (Image.fromarray(RGBA[0]), COLOR[:1]),
        ([Image.fromarray(GREY[0]), COLOR[0]], np.stack([GREY3[0], COLOR[0]])),
        (source_of(COLOR), COLOR),
        (np.zeros((2, 24, 24, 3)), np.zeros((2, 24, 24, 3), np.uint8)),
    ],
)
def test_whatever_there_is(embedder, given, pixels):
    close(embedder(given, batch=2), embedder.pixels(pixels))


def test_files_and_pictures_of_several_sizes(embedder, tmp_path):
    several = [RANDOM.integers(0, 256, (*shape, 3), np.uint8) for shape in ((30, 40), (24, 24), (50, 25))]
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, pixels in zip(paths, several):
        path.write_bytes(save(pixels))
    expected = embedder.encoded(tf.constant([path.read_bytes() for path in paths]))
    close(embedder(paths), expected)
    close(embedder([str(path) for path in paths]), expected)
    close(embedder(several), expected)
    close(embedder(str(paths[0])), {name: rows[:1] for name, rows in expected.items()})
    close(embedder(several[0]), {name: rows[:1] for name, rows in expected.items()})
    Image.fromarray(several[0]).save(tmp_path / "x.webp", lossless=True)  # which the served model refuses
    close(embedder(tmp_path / "x.webp"), {name: rows[:1] for name, rows in expected.items()})


def test_inside_a_graph(embedder):
    whole = tf.function(lambda images: embedder(images), input_signature=[tf.TensorSpec([None, 24, 24, 3], tf.uint8)])
    close(whole(COLOR), embedder.pixels(COLOR))


UNIT = COLOR / np.float32(255)
RANGES = [
    (UNIT, r"float32 from 0 to 1\. Multiply values in \[0, 1\] by 255"),
    (UNIT * 2 - 1, "from -1 to 1"),
    (COLOR.astype(np.uint16) * 200, "uint16 from 0 to 51000"),
    (COLOR.astype(np.float32) * 2, "from 0 to 510"),
    (COLOR * np.nan, "not finite"),
]


@pytest.mark.parametrize(("given", "message"), RANGES)
def test_one_range(embedder, given, message):
    """Before, 200 photographs in [0, 1] all were the black picture, and 16 bits were cut at 255."""
    for way in (embedder, embedder.images, lambda x: embedder(list(x)), lambda x: embedder.images(tf.constant(x))):
        with pytest.raises(UserError, match=message) as caught:
            way(given)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (COLOR[0], r"Expected pixels \[B, H, W, 3\]\. Received \[24, 24, 3\]\. Add an axis, `x\[None\]`\."),
        (GREY, r"Received \[5, 24, 24\]\. Call the embedder itself"),
        (RGBA, r"Received \[5, 24, 24, 4\]"),
        (np.zeros((24, 24, 5), np.uint8), r"Received \[24, 24, 5\]"),
        (Image.fromarray(COLOR[0]), r"Received \[24, 24, 3\]"),
        ("a.png", "Received a text. Call the embedder itself"),
        (["a.png"], r"Received \[1\]"),
        ([COLOR[0], COLOR[0, :9]], "Received list. Call the embedder itself"),
        (COLOR.astype(complex), "Received complex128"),
    ],
)
def test_pixels_of_another_shape(embedder, given, message):
    """Before, a message of up to 6,900 characters with the array in it."""
    with pytest.raises(UserError, match=message) as caught:
        embedder.images(given)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((24, 24, 5), np.uint8), r"Received \[24, 24, 5\]"),
        (np.zeros((2, 24, 24, 5), np.uint8), r"Received \[24, 24, 5\]"),
        (np.zeros((2, 3, 24, 24), np.uint8), "Channels come last"),
        (RGBA - 1, "a fourth channel from 254 to 254|an alpha that is opaque"),
        ([], "Received none"),
        ("none.png", r"Expected a readable picture\. none\.png: No such file"),
        (7, "Expected"),
        (None, "Expected"),
    ],
)
def test_what_is_no_picture(embedder, given, message):
    with pytest.raises(UserError, match=message) as caught:
        embedder(given)
    assert len(str(caught.value)) < 300
