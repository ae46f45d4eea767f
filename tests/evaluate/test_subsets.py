"""Subsets of the spaces and of the branches, against a plain loop that puts columns side by side and fits."""

from itertools import chain, combinations

import numpy as np
import pytest
from helpers.generated import columns, rows_of, sources_of
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from looc_tf import config
from looc_tf.evaluate import evaluate, questions, readings, summarise
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.once import Once
from looc_tf.representations import is_space, ordered

SETTINGS = config.Evaluation(probes=("subsets",), strengths=(0.1, 1.0), limit=None)
PARTS = {"all": slice(0, 4), "color": slice(4, 10), "rotation": slice(10, 24)}
BRANCHES = {"branch_all": slice(20, 30), "branch_color": slice(30, 36), "branch_rotation": slice(36, 48)}


def cut(parts):
    """An embedder whose representations are columns of the pictures."""
    return lambda images: {name: columns(images)["trunk"][:, some] for name, some in parts.items()}


def sources(classes=4):
    return sources_of({"train": 300, "validation": 100, "test": 400}, classes, noise=90.0)


def by_loop(parts, some):
    """Test accuracy of the best penalty on the validation part, of the strongest among equals."""
    found = []
    data = {part: rows_of(source) for part, source in sources().items()}
    rows = {part: np.concatenate([x[:, parts[name]] for name in some], axis=1) for part, (x, _) in data.items()}
    scaler = StandardScaler().fit(rows["train"])
    for strength in SETTINGS.strengths:
        model = LogisticRegression(C=strength, max_iter=1000).fit(scaler.transform(rows["train"]), data["train"][1])
        found.append([model.score(scaler.transform(rows[part]), data[part][1]) for part in ("validation", "test")])
    return 100 * max(found, key=lambda scores: scores[0])[1]


@pytest.mark.parametrize("branches", [{}, BRANCHES])
def test_every_subset_is_what_a_plain_loop_reads(branches):
    found = list(readings(cut({"trunk": slice(0, 48), **PARTS, **branches}), sources(), SETTINGS))
    values = {reading.representation: reading.value for reading in found}
    families = [PARTS, *([BRANCHES] if branches else [])]
    wanted = [
        some
        for parts in families
        for some in chain.from_iterable(combinations(parts, size) for size in range(1, len(parts) + 1))
    ]
    assert len(wanted) == 7 * len(families) and sorted(values) == sorted(map("+".join, wanted))
    for some in wanted:
        parts = BRANCHES if some[0] in BRANCHES else PARTS
        assert values["+".join(some)] == pytest.approx(by_loop(parts, some), abs=0.5), some
    assert {reading.probe for reading in found} == {"subsets"}
    assert not any(reading.fitted for reading in found)
    assert values["all+color+rotation"] > values["all"]


def test_what_the_object_probe_has_fitted_is_not_fitted_again(monkeypatch):
    fits = []
    monkeypatch.setattr(questions, "linear_probe", lambda *rows: fits.append(rows) or linear_probe(*rows))
    settings = config.Evaluation(probes=("object", "subsets"), strengths=(1.0,), limit=None)
    found = list(readings(cut({"trunk": slice(0, 48), **PARTS}), sources(), settings))
    values = {(reading.representation, reading.probe): reading.value for reading in found}
    assert len(found) == 5 + 7 and len(fits) == 5 + 3
    assert values["all+color+rotation", "subsets"] == values["concat", "object"]
    assert values["color", "subsets"] == values["color", "object"]


def test_an_error_reaches_all_who_ask_for_the_value():
    once, asked = Once(), []

    def fail():
        asked.append(1)
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            once("value", fail)
    assert len(asked) == 1 and once("other", lambda: 3) == 3


def test_one_space_and_six_are_left_out_with_a_line():
    for names, line in (
        (["all"], "left out: subsets: it needs two spaces"),
        ("uvwxyz", "left out: subsets: 6 spaces have 63 subsets, and those of 5 at most are read"),
    ):
        notes: list[str] = []
        parts = {name: slice(place, place + 2) for place, name in enumerate(["trunk", *names])}
        assert not list(readings(cut(parts), sources(), SETTINGS, notes=notes)) and notes == [line]


def test_tables_have_a_row_for_each_subset_behind_the_spaces():
    records = evaluate(cut({"trunk": slice(0, 9), **PARTS}), sources(), SETTINGS, run="r", method="looc", seed=0)
    rows = [representation for _, representation, _ in summarise(records)]
    assert rows == ["all", "color", "rotation", "all+color", "all+rotation", "color+rotation", "all+color+rotation"]
    assert not is_space("all+color")
    mixed = ["branch_a+branch_b", "concat", "a+b", "probabilities", "branch_a", "trunk", "a"]
    assert ordered(mixed) == ["trunk", "a", "a+b", "concat", "branch_a", "branch_a+branch_b", "probabilities"]
