"""Corruptions: each copy equals the library's function on fixed pictures, and accuracies are those of a plain loop."""

import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from looc_tf import config
from looc_tf.data import open_parts
from looc_tf.evaluate import readings
from looc_tf.evaluate.corrupted import GROUPS, SEVERITIES, corrupt
from looc_tf.evaluate.corruptions import Corruptions
from looc_tf.evaluate.features import UPRIGHT, Features, copies_of
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.probes import PROBES, lacking
from looc_tf.evaluate.weathered import FUNCTIONS, ice_sheet

SEED = 7
KINDS = [kind for kinds in GROUPS.values() for kind in kinds]
# What tensorflow-datasets 4.9.10 made of `picture()` with scikit-image 0.22.0 and OpenCV 4.9.0, severities 1 to 5,
# NumPy's global generator at SEED before each; impulse noise from `default_rng(np.random.randint(2**31))`.
MADE = Path(__file__).with_name("corruptions.npz")
SETTINGS = config.Evaluation(probes=("corruptions",), corrupted=20, strengths=(0.1,), batch=16)


def picture(number=0, side=24):
    """Waves of color under some noise, with a black corner."""
    y, x = np.mgrid[:side, :side] / side
    draw = np.random.default_rng(number)
    waves = [
        np.sin(2 * np.pi * (draw.uniform(0.5, 2) * x + draw.uniform(0.5, 2) * y + draw.random())) for _ in range(3)
    ]
    image = np.stack(waves, -1) * 100 + 128 + 20 * draw.normal(size=(side, side, 3))
    image[:6, :6] = 0
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in FUNCTIONS])
def test_a_copy_is_what_the_library_makes_of_it(kind):
    from tensorflow_datasets.image_classification import corruptions

    for severity in SEVERITIES:
        np.random.seed(SEED)  # noqa: NPY002
        expected = getattr(corruptions, kind)(picture(), severity)
        np.testing.assert_array_equal(corrupt(picture(), kind, severity, SEED), expected)


@pytest.mark.parametrize("kind", [kind for kind in FUNCTIONS if kind != "frost"])
def test_what_needs_other_packages_there_is_the_same_here(kind):
    expected = np.load(MADE)[kind].astype(int)
    for severity in SEVERITIES:
        apart = np.abs(corrupt(picture(), kind, severity, SEED) - expected[severity - 1])
        # the library turns a color to HSV and back, by which some values are rounded the other way
        assert apart.max() <= (1 if kind == "brightness" else 0) and apart.mean() < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_a_higher_severity_changes_more(kind):
    pictures = [picture(number, 32) for number in range(6)]
    apart = [
        np.mean(
            [np.abs(corrupt(each, kind, severity, place).astype(int) - each) for place, each in enumerate(pictures)]
        )
        for severity in (1, 5)
    ]
    assert 0 < apart[0] < apart[1]


def test_frost_is_bright_ice_over_the_darkened_picture_and_the_same_at_each_call():
    black = np.zeros((32, 32, 3), np.uint8)
    ice = corrupt(black, "frost", 5, SEED)
    assert ice.dtype == np.uint8 and ice.mean() > 20 and ice[..., 2].mean() > ice[..., 0].mean()
    np.testing.assert_array_equal(ice, corrupt(black, "frost", 5, SEED))
    sheets = [ice_sheet(number, 64) for number in range(2)]
    assert np.abs(sheets[0] - sheets[1]).mean() > 10 and sheets[0].min() >= 0 and sheets[0].max() <= 255


def test_what_is_drawn_hangs_on_id_and_severity_alone_and_the_global_generator_stays():
    batch = {"image": tf.constant(np.stack([picture(), picture()])), "id": tf.constant(["a", "b"])}
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    both = copies_of("corrupted/gaussian_noise/3")(batch).numpy()
    assert np.random.rand() == expected  # noqa: NPY002
    assert (both[0] != both[1]).any()
    second = {key: value[1:] for key, value in batch.items()}
    np.testing.assert_array_equal(copies_of("corrupted/gaussian_noise/3")(second)[0], both[1])
    assert (copies_of("corrupted/gaussian_noise/4")(batch).numpy() != both).any()


def embed(images):
    return {"trunk": tf.reshape(tf.cast(images, tf.float32) / 255, [len(images), -1])}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    sources = open_parts(tiny.draw(tmp_path_factory.mktemp("pictures")), size=16)
    return sources, {each.probe: each for each in readings(embed, sources, SETTINGS)}


def test_there_is_a_value_for_all_for_each_group_and_for_each_point(read):
    groups = ["corruptions", *(f"corruptions@{group}" for group in GROUPS)]
    means = [f"{group}{what}" for group in groups for what in ("", " 3+", " relative")]
    points = [f"corruptions@{kind}/{severity}" for kind in KINDS for severity in SEVERITIES]
    assert set(read[1]) == {*means, "corruptions@clean", *points}


def test_means_are_over_corruptions_and_severities(read):
    values = {name: each.value for name, each in read[1].items()}
    for group, kinds in GROUPS.items():
        table = np.array([[values[f"corruptions@{kind}/{severity}"] for severity in SEVERITIES] for kind in kinds])
        assert values[f"corruptions@{group}"] == pytest.approx(table.mean(), abs=1e-3)
        assert values[f"corruptions@{group} 3+"] == pytest.approx(table[:, 2:].mean(), abs=1e-3)
        relative = 100 * table.mean() / values["corruptions@clean"]
        assert values[f"corruptions@{group} relative"] == pytest.approx(relative, abs=1e-3)
    every = np.mean([values[f"corruptions@{group}"] for group in GROUPS])
    assert values["corruptions"] == pytest.approx(every, abs=1e-3)
    assert values["corruptions@clean"] > 50


def test_accuracies_are_those_of_scikit_learn_on_the_same_features(read):
    """The probe is the clean one: fitted, it answers corrupted pictures as it would any others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 90)
    rows = (np.eye(3, 8)[labels] + draw.normal(size=(90, 8))).astype(np.float32)
    parts = {part: Features({UPRIGHT: {"trunk": rows}}, {"label": labels}) for part in ("train", "validation", "test")}
    names = [f"corrupted/{kind}/{severity}" for kind in KINDS for severity in SEVERITIES]
    copies = {name: {"trunk": rows + draw.normal(size=rows.shape).astype(np.float32)} for name in names}
    parts["corruptions"] = Features({UPRIGHT: {"trunk": rows}, **copies}, {"label": labels})
    asked = PROBES["corruptions"](read[0])
    made = {each.probe: each.value for each in asked.readings("corruptions", parts, "trunk", SETTINGS)}
    scaler = StandardScaler().fit(rows)
    model = LogisticRegression(C=0.1).fit(scaler.transform(rows), labels)
    for name in names:
        right = 100 * model.score(scaler.transform(copies[name]["trunk"]), labels)
        assert made[name.replace("corrupted/", "corruptions@")] == pytest.approx(right, abs=0.5)
    clean = linear_probe(*[asked.probe.rows(parts[part], "trunk") for part in ("train", "validation", "test")], (0.1,))
    assert made["corruptions@clean"] == pytest.approx(clean.value, abs=1e-3)


def test_a_bounded_number_of_labelled_test_pictures_is_read(read):
    assert {each.rows["test"] for each in read[1].values()} == {min(20, len(read[0]["test"]))}
    assert {round(each.chance, 4) for name, each in read[1].items() if "relative" not in name} == {
        round(100 / PROBES["object"](read[0]).guesses, 4)
    }


def parts(channels, **labels):
    fields = dict.fromkeys(labels, ("a", "b"))
    part = types.SimpleNamespace(fields=fields, labels=labels, pixels=types.SimpleNamespace(channels=channels))
    return {"train": part, "test": part}


def test_it_is_left_out_where_there_is_no_label_or_other_bands():
    some = np.array([0, 1])
    assert isinstance(PROBES["corruptions"](parts(3, label=some)), Corruptions)
    assert PROBES["corruptions"](parts(3)) is None
    assert lacking("corruptions", parts(3)) == "the pictures have no labels"
    assert PROBES["corruptions"](parts(4, label=some)) is None
    assert lacking("corruptions", parts(4, label=some)) == "they are made for RGB, and pictures have 4 bands"
