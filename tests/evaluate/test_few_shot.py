"""Few-shot classification over all classes, against scikit-learn on the same draws; its interval, top-5 and notes."""

import logging

import numpy as np
import pytest
from helpers.generated import columns, rows_of, sources_of
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from looc_tf import config
from looc_tf.errors import UserError
from looc_tf.evaluate import evaluate, readings
from looc_tf.evaluate.few_labels import draw
from looc_tf.experiments import load

SETTINGS = config.Evaluation(probes=("few_shot",), strengths=(0.1, 1.0), shots=(3, 8), draws=6, limit=None)
SIZES = {"train": 400, "validation": 150, "test": 600}


def read(sources, settings=SETTINGS, notes=None):
    return {reading.probe: reading for reading in readings(columns, sources, settings, notes=notes)}


def by_hand(sources, shots, strength, draws):
    """Accuracies of each draw: top-1 and top-5, by scikit-learn's own `predict` and `predict_proba`."""
    (train, labels), (test, answers) = (rows_of(sources[part]) for part in ("train", "test"))
    scaler = StandardScaler().fit(train)
    first, five = [], []
    for number in range(draws):
        some = draw(labels, lambda size: shots, number)
        model = LogisticRegression(C=strength, max_iter=1000).fit(scaler.transform(train[some]), labels[some])
        best = model.classes_[np.argsort(-model.predict_proba(scaler.transform(test)), axis=1)]
        first.append(100 * np.mean(model.predict(scaler.transform(test)) == answers))
        five.append(100 * np.mean((best[:, :5] == answers[:, None]).any(axis=1)))
    return first, five


def test_figures_are_those_of_scikit_learn_on_the_same_draws():
    sources = sources_of(SIZES, classes=8)
    found = read(sources)
    assert list(found) == ["few_shot@3", "few_shot@3 top-5", "few_shot@8", "few_shot@8 top-5"]
    for shots in SETTINGS.shots:
        reading, five = found[f"few_shot@{shots}"], found[f"few_shot@{shots} top-5"]
        expected = by_hand(sources, shots, reading.setting["strength"], SETTINGS.draws)
        for one, values in zip((reading, five), expected):
            assert one.value == pytest.approx(np.mean(values), abs=0.5)
            half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
            assert one.half == pytest.approx(half, abs=0.25) and one.half > 0
        assert reading.rows == {"train": 8 * shots, "validation": 150, "test": 600}
        assert (reading.chance, five.chance) == (12.5, 62.5) and five.value > reading.value > 30
    assert found["few_shot@8"].value > found["few_shot@3"].value


def test_draws_repeat_and_a_smaller_one_is_part_of_a_larger():
    labels = np.repeat(np.arange(5), [30, 30, 2, 30, 30])
    three, eight = (draw(labels, lambda size, k=k: k, 4) for k in (3, 8))
    assert set(three) <= set(eight) and np.bincount(labels[eight]).tolist() == [8, 8, 2, 8, 8]
    np.testing.assert_array_equal(three, draw(labels, lambda size: 3, 4))
    assert set(three) != set(draw(labels, lambda size: 3, 5))
    first, second = (evaluate(columns, sources_of(SIZES), SETTINGS, run="r", method="m", seed=s) for s in (0, 1))
    assert [record["value"] for record in first] == [record["value"] for record in second]


def test_a_class_of_fewer_pictures_is_taken_whole_and_said(caplog):
    caplog.set_level(logging.INFO, "looc_tf")
    sources = sources_of(SIZES, classes=4)
    rare = np.flatnonzero(sources["train"].label == 2)[2:]
    sources["train"].label[rare] = -1
    notes: list[str] = []
    found = read(sources, notes=notes)
    assert found["few_shot@8"].rows["train"] == 3 * 8 + 2 and found["few_shot@3"].rows["train"] == 3 * 3 + 2
    said = (
        "few_shot: 1 of 4 classes have fewer than 8 labelled training pictures; all that there are of them are taken "
        "(class 2: 2)"
    )
    assert notes == [said] and said in caplog.messages
    assert "few_shot@8 top-5" not in found  # of four classes


def test_two_classes_of_one_picture_and_one_draw_are_read_without_an_interval():
    sources = sources_of({"train": 40, "validation": 20, "test": 40}, classes=2)
    sources["train"].label[2:] = -1
    sources["train"].label[:2] = [0, 1]
    settings = config.Evaluation(probes=("few_shot",), shots=(5,), draws=1, limit=None)
    (found,) = read(sources, settings).values()
    assert found.rows["train"] == 2 and found.half is None
    assert {record["probe"] for record in evaluate(columns, sources, settings, run="", method="", seed=0)} == {
        "few_shot@5"
    }


@pytest.mark.parametrize("change", ["shots=[]", "shots=[5,0]", "draws=0", "draws=10001"])
def test_numbers_that_cannot_work_are_refused(change):
    with pytest.raises(UserError, match=f"evaluation.{change.partition('=')[0]} should"):
        load("cifar10/moco-color", [f"evaluation.{change}"])
