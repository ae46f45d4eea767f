"""Advice on features whose right answer is known."""

import numpy as np
import pytest

from looc_tf.errors import UserError
from looc_tf.evaluate.advice import advise, corrected
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.probe_result import Rows

STRENGTHS = (0.01, 0.1, 1.0)


def made(count, seed, told, classes=3):
    """Features `name -> [N, 6]` whose first two numbers tell the label as clearly as `told` says."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    angle = 2 * np.pi * labels / classes
    place = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    tables = {}
    for name, clear in told.items():
        rows = random.normal(size=(count, 6))
        rows[:, :2] += clear * place
        tables[name] = rows.astype(np.float32)
    return tables, labels


def test_the_space_that_tells_more_is_advised_with_its_gain():
    tables, labels = made(600, 0, {"trunk": 0.5, "all": 0.2, "color": 2.0})
    found = advise(tables, labels, STRENGTHS)
    assert found.representation == found.best == "color" and found.differs and found.readable
    assert found.gain.mean == pytest.approx(found.accuracy["color"].mean - found.accuracy["trunk"].mean)
    assert found.gain.mean - found.gain.half > 15
    assert found.pictures == 600 and found.classes == 3 and found.majority == pytest.approx(100 / 3)
    assert [count for count, _, _ in found.curve.values()] == [39, 114, 384]
    assert found.curve[1.0][1].mean == pytest.approx(found.accuracy["color"].mean)
    assert found.curve[0.1][1].mean < found.curve[1.0][1].mean + 1


def test_the_trunk_is_advised_where_nothing_is_better():
    tables, labels = made(400, 1, {"trunk": 1.0, "all": 1.0, "color": 0.9})
    found = advise(tables, labels, STRENGTHS)
    assert found.representation == "trunk" and not found.differs and found.readable


def test_shuffled_labels_have_no_difference_and_nothing_to_read():
    tables, labels = made(400, 2, {"trunk": 1.0, "all": 0.3, "color": 2.0})
    shuffled = np.random.default_rng(5).permutation(labels)
    found = advise(tables, shuffled, STRENGTHS, {"color": tables})
    assert found.representation == "trunk" and not found.differs and not found.readable and found.factor is None


def test_the_gain_is_that_of_the_best_whatever_single_folds_would_have_chosen():
    tables, labels = made(300, 6, {"trunk": 0.3, **dict.fromkeys(("all", "color", "rotation", "all+color"), 1.2)})
    found = advise(tables, labels, STRENGTHS)
    assert set(found.chosen) > {found.best}  # else this tries nothing
    assert found.gain.mean == pytest.approx(found.accuracy[found.best].mean - found.accuracy["trunk"].mean)
    assert found.rival == found.best and found.differences[found.best] == found.gain
    for name, value in found.differences.items():
        assert value.mean == pytest.approx(found.accuracy[name].mean - found.accuracy["trunk"].mean)
    assert found.choosing != found.gain


def test_equal_representations_are_no_different_where_there_are_pictures_enough():
    for count, verdict in ((60, "undecided"), (600, "no difference")):
        tables, labels = made(count, 7, {"trunk": 2.5})
        found = advise({**tables, "all": tables["trunk"]}, labels, STRENGTHS)
        assert (found.representation, found.verdict, found.bound) == ("trunk", verdict, 300 / count)
    tables, labels = made(60, 8, {"trunk": 1.0, "all": 1.0, "color": 0.9})
    found = advise(tables, labels, STRENGTHS)
    assert found.verdict == "undecided" and found.learning[1.0][1] == found.accuracy["trunk"]
    assert advise({"trunk": tables["trunk"]}, labels, STRENGTHS).rival is None


def test_the_factor_without_which_most_is_lost_is_named():
    tables, labels = made(500, 3, {"trunk": 2.0, "all": 1.0})
    gone, _ = made(500, 4, {"trunk": 0.1, "all": 0.1})
    less, _ = made(500, 5, {"trunk": 1.2, "all": 1.0})
    found = advise(tables, labels, STRENGTHS, {"texture": tables, "orientation": less, "color": gone})
    assert found.factor == "color" and found.drops["color"].mean > found.drops["orientation"].mean > 5
    assert found.drops["texture"].mean == 0


def test_the_interval_of_the_gain_covers_the_truth():
    """Twenty sets of one law; the truth is the difference on a large set of the same, with the same training size."""
    told = {"trunk": 0.8, "color": 1.3}
    large, answers = made(20_000, 900, told)
    truth = np.mean([_difference(*made(240, 700 + seed, told), large, answers) for seed in range(8)])
    found = [advise(*made(300, 100 + seed, told), STRENGTHS).gain for seed in range(20)]
    assert sum(abs(gain.mean - truth) <= gain.half for gain in found) >= 18


def _difference(some, labels, large, answers):
    def value(name):
        parts = [Rows(some[name][:192], labels[:192]), Rows(some[name][192:], labels[192:])]
        return linear_probe(*parts, Rows(large[name], answers), STRENGTHS).value

    return value("color") - value("trunk")


def test_folds_share_their_pictures_so_the_interval_is_wider_than_that_of_free_draws():
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert corrected(values).half == pytest.approx(2.7764451 * np.std(values, ddof=1) * np.sqrt(1 / 5 + 1 / 4), 1e-6)


@pytest.mark.parametrize("labels", [np.zeros(100, int), np.r_[np.zeros(50, int), np.ones(9, int)]])
def test_too_few_labels_are_one_line(labels):
    with pytest.raises(UserError, match="two classes of 10 labelled pictures at least"):
        advise({"trunk": np.ones((len(labels), 2), np.float32)}, labels, STRENGTHS)
