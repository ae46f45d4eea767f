"""Linear probes with a share of the labels, and top-5 of the fit with all of them, against scikit-learn."""

import numpy as np
import pytest
from helpers.generated import columns, rows_of, sources_of
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, top_k_accuracy_score
from sklearn.preprocessing import StandardScaler

from looc_tf import config
from looc_tf.errors import UserError
from looc_tf.evaluate import questions, readings
from looc_tf.evaluate.few_labels import draw
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.low_label import Share
from looc_tf.evaluate.probe_result import among_best
from looc_tf.experiments import load

SIZES = {"train": 600, "validation": 150, "test": 600}
SETTINGS = config.Evaluation(probes=("low_label",), strengths=(0.1, 1.0), shares=(0.01, 0.1), draws=5, limit=None)


def read(sources, settings=SETTINGS, notes=None):
    return {reading.probe: reading for reading in readings(columns, sources, settings, notes=notes)}


@pytest.mark.parametrize("classes", [2, 7])
def test_figures_are_those_of_scikit_learn_on_the_same_draws(classes):
    sources = sources_of(SIZES, classes)
    found = read(sources)
    (train, labels), (test, answers) = (rows_of(sources[part]) for part in ("train", "test"))
    scaler = StandardScaler().fit(train)
    for share, name in zip(SETTINGS.shares, ("low_label@1%", "low_label@10%")):
        values, balanced, five = [], [], []
        for number in range(SETTINGS.draws):
            some = draw(labels, Share(share), number)
            strength = found[name].setting["strength"]
            model = LogisticRegression(C=strength, max_iter=1000).fit(scaler.transform(train[some]), labels[some])
            predicted = model.predict(scaler.transform(test))
            values.append(100 * np.mean(predicted == answers))
            balanced.append(100 * balanced_accuracy_score(answers, predicted))
            if classes > 5:
                five.append(100 * top_k_accuracy_score(answers, model.predict_proba(scaler.transform(test)), k=5))
        assert found[name].value == pytest.approx(np.mean(values), abs=0.5)
        assert found[name].balanced == pytest.approx(np.mean(balanced), abs=0.5)
        assert (f"{name} top-5" in found) == (classes > 5)
        if five:
            assert found[f"{name} top-5"].value == pytest.approx(np.mean(five), abs=0.5)
    assert found["low_label@10%"].value > found["low_label@1%"].value > 100 / classes


def test_a_share_is_of_each_class_and_one_picture_at_least():
    labels = np.repeat([0, 1, 2], [200, 149, 3])
    assert np.bincount(labels[draw(labels, Share(0.01), 0)]).tolist() == [2, 1, 1]
    assert np.bincount(labels[draw(labels, Share(0.1), 0)]).tolist() == [20, 15, 1]
    assert sorted(draw(labels, Share(1.0), 0)) == list(range(352))
    settings = config.Evaluation(probes=("low_label", "few_shot"), shares=(1.0, 1.0), shots=(2, 2), draws=2, limit=None)
    found = [reading.probe for reading in readings(columns, sources_of(SIZES), settings)]
    assert found == ["low_label@100%", "few_shot@2"]  # what is asked for twice is read once
    whole = read(sources_of(SIZES), settings)
    assert whole["low_label@100%"].half == 0.0 and whole["low_label@100%"].rows["train"] == 600


@pytest.mark.parametrize("shares", ["[]", "[0]", "[0.1,1.5]"])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(UserError, match=r"evaluation\.shares should"):
        load("cifar10/moco-color", [f"evaluation.shares={shares}"])


def test_top_five_is_scikit_learns_and_of_the_fit_that_there_is(monkeypatch):
    fits = []
    monkeypatch.setattr(questions, "linear_probe", lambda *rows: fits.append(rows) or linear_probe(*rows))
    sources = sources_of(SIZES, classes=9, noise=120.0)
    found = read(sources, config.Evaluation(probes=("object", "object_top5"), strengths=(0.01, 1.0), limit=None))
    assert len(fits) == 1
    (train, labels), (test, answers) = (rows_of(sources[part]) for part in ("train", "test"))
    scaler = StandardScaler().fit(train)
    model = LogisticRegression(C=found["object"].setting["strength"], max_iter=1000)
    scores = model.fit(scaler.transform(train), labels).decision_function(scaler.transform(test))
    expected = 100 * top_k_accuracy_score(answers, scores, k=5)
    assert found["object_top5"].value == pytest.approx(expected, abs=0.5)
    assert found["object"].value < expected < 100
    assert found["object_top5"].chance == pytest.approx(55.5556) and found["object_top5"].fitted is None
    assert found["object_top5"].setting == found["object"].setting


def test_top_five_of_five_classes_is_left_out():
    notes: list[str] = []
    found = read(sources_of(SIZES, classes=5), config.Evaluation(probes=("object_top5",)), notes)
    assert not found and notes == ["left out: object_top5: it needs more than 5 classes"]


def test_of_equal_scores_the_first_counts_more_and_an_unknown_class_never():
    scores, classes = np.zeros((4, 3)), np.array([2, 5, 6])
    assert among_best(scores, classes, np.array([2, 5, 6, 9]), 1).tolist() == [True, False, False, False]
    assert among_best(scores, classes, np.array([2, 5, 6, 0]), 2).tolist() == [True, True, False, False]
