"""How much each class draws on each space: shares of weights, their sum, and names of classes that are any text."""

import numpy as np
import pytest
from helpers.generated import columns, rows_of, sources_of
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from looc_tf import config
from looc_tf.evaluate import questions, readings
from looc_tf.evaluate.class_shares import shares_of
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.probe_result import Fitted

SETTINGS = config.Evaluation(probes=("draws_on",), strengths=(0.1,), limit=None)
PARTS = {"trunk": slice(0, 48), "all": slice(0, 4), "color": slice(4, 10), "rotation": slice(10, 24)}


def embed(images):
    return {name: columns(images)["trunk"][:, some] for name, some in PARTS.items()}


def sources(classes=3):
    return sources_of({"train": 300, "validation": 100, "test": 100}, classes, noise=90.0)


def read(parts, settings=SETTINGS, function=embed, notes=None):
    return list(readings(function, parts, settings, notes=notes))


def test_shares_are_those_of_scikit_learns_weights_and_sum_to_100():
    data = sources()
    found = {(reading.representation, reading.probe): reading for reading in read(data)}
    train, labels = rows_of(data["train"])
    rows = StandardScaler().fit_transform(np.concatenate([train[:, PARTS[name]] for name in list(PARTS)[1:]], axis=1))
    weights = LogisticRegression(C=0.1, max_iter=1000).fit(rows, labels).coef_
    assert {probe for _, probe in found} == {"draws_on", *(f"draws_on@class {number}" for number in range(3))}
    for number in range(3):
        squares = [(weights[number, part] ** 2).sum() for part in (slice(0, 4), slice(4, 10), slice(10, 24))]
        values = [found[space, f"draws_on@class {number}"].value for space in ("all", "color", "rotation")]
        np.testing.assert_allclose(values, 100 * np.array(squares) / np.sum(squares), atol=0.5)
        assert sum(values) == pytest.approx(100, abs=0.001)
    for space, size in (("all", 4), ("color", 6), ("rotation", 14)):
        each = [found[space, f"draws_on@class {number}"].value for number in range(3)]
        assert found[space, "draws_on"].value == pytest.approx(np.mean(each), abs=0.001)
        assert found[space, "draws_on"].chance == pytest.approx(100 * size / 24, abs=0.001)


def test_a_space_that_alone_knows_the_class_has_all_of_it():
    def told(images):
        label = columns(images)["trunk"]
        return {"trunk": label, "all": label * 0 + 1, "color": label}

    found = {(one.representation, one.probe): one.value for one in read(sources(), function=told)}
    assert found["color", "draws_on@class 1"] == 100.0 and found["all", "draws_on@class 1"] == 0.0


def test_branches_share_among_themselves():
    def with_branches(images):
        rows = embed(images)
        return {**rows, "branch_all": rows["rotation"], "branch_color": rows["color"]}

    found = {one.representation: one for one in read(sources(), function=with_branches) if one.probe == "draws_on"}
    assert list(found) == ["all", "color", "rotation", "branch_all", "branch_color"]
    assert found["branch_all"].value + found["branch_color"].value == pytest.approx(100, abs=0.001)
    assert found["branch_color"].chance == pytest.approx(100 * 6 / 20, abs=0.001)


def test_two_classes_draw_alike_and_a_class_without_weights_by_size():
    found = {(one.representation, one.probe): one.value for one in read(sources(2))}
    assert found["color", "draws_on@class 0"] == found["color", "draws_on@class 1"] > 0
    nothing = Fitted(np.zeros(4), np.ones(4), np.zeros((3, 4)), np.zeros(3), np.arange(3))
    assert shares_of(nothing, [1, 3]).tolist() == [[25.0, 75.0]] * 3


def test_names_of_classes_are_any_text_and_stay_apart():
    data = sources()
    for source in data.values():
        source.fields = {"label": ("a\x1b[31m\nb", "x" * 60 + "1", "x" * 60 + "2")}
    names = list(dict.fromkeys(reading.probe for reading in read(data)))
    long = "x" * 37 + "..."
    assert names == ["draws_on", "draws_on@a\\x1b[31m b", f"draws_on@{long} (1)", f"draws_on@{long} (2)"]


def test_it_is_read_from_the_probe_of_all_spaces_and_needs_two(monkeypatch):
    fits = []
    monkeypatch.setattr(questions, "linear_probe", lambda *rows: fits.append(rows) or linear_probe(*rows))
    settings = config.Evaluation(probes=("object", "draws_on"), strengths=(0.1,), limit=None)
    found = read(sources(), settings)
    assert len(fits) == 5 and [one.representation for one in found if one.probe == "draws_on"] == [
        "all",
        "color",
        "rotation",
    ]
    notes: list[str] = []
    one = read(sources(), function=lambda images: {name: embed(images)[name] for name in ("trunk", "all")}, notes=notes)
    assert not one and notes == ["left out: draws_on: it needs two spaces"]
