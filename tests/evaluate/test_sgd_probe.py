"""The linear protocol by stochastic gradients: it agrees with the convex probe, and repeats to the bit."""

import time

import numpy as np
import pytest
from helpers.generated import columns, sources_of
from threadpoolctl import threadpool_limits

from looc_tf import config
from looc_tf.errors import UserError
from looc_tf.evaluate import readings
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.probe_result import Rows
from looc_tf.evaluate.sgd_probe import sgd_probe
from looc_tf.experiments import load


def parts(counts=(8000, 1000, 8000), classes=6, width=24, noise=2.0, gaps=1):
    """Well-conditioned rows: noise of one deviation around centers of another, many more of them than weights."""
    draw = np.random.default_rng(0)
    centers = draw.normal(size=(classes, width))
    labels = [draw.permutation(np.arange(count) % classes) for count in counts]
    rows = [(centers[part] + noise * draw.normal(size=(len(part), width))).astype(np.float32) for part in labels]
    return [Rows(x, part * gaps) for x, part in zip(rows, labels)]


@pytest.mark.parametrize(("classes", "noise"), [(2, 3.0), (6, 2.0), (6, 4.0), (20, 2.0)])
def test_it_agrees_with_the_convex_probe(classes, noise):
    rows = parts(classes=classes, noise=noise)
    convex, found = linear_probe(*rows, (0.01, 0.1, 1.0, 10.0)), sgd_probe(*rows, epochs=60)
    assert found.value == pytest.approx(convex.value, abs=0.5)
    assert found.balanced == pytest.approx(convex.balanced, abs=0.5)
    assert found.validation == pytest.approx(convex.validation, abs=1.0)
    assert 100 / classes + 10 < found.value < 99.5


def test_it_repeats_whatever_the_unit_and_the_numbers_of_the_classes():
    rows = parts((700, 100, 900))
    first, second = (sgd_probe(*rows, epochs=5) for _ in range(2))
    assert first == second
    longer = [Rows(1000 * features + 7, labels) for features, labels in rows]
    assert sgd_probe(*longer, epochs=5).value == pytest.approx(first.value, abs=0.5)
    assert sgd_probe(*parts((700, 100, 900), gaps=3), epochs=5) == first


def test_fewer_rows_than_a_batch_and_constant_features_are_no_trouble():
    rows = parts((40, 20, 200), classes=3)
    for part in rows:
        part.features[:, :5] = 3.0
    found = sgd_probe(*rows, epochs=30)
    assert found.value > 60 and np.isfinite(found.validation)


def test_the_paper_s_size_takes_seconds_on_one_core():
    rows = parts((10_000, 1000, 1000), classes=10, width=128)
    with threadpool_limits(1):
        start = time.monotonic()
        sgd_probe(*rows, epochs=100)
    assert time.monotonic() - start < 30


def test_it_is_asked_for_by_name_with_its_epochs():
    sources = sources_of({"train": 300, "validation": 100, "test": 300}, classes=3)
    settings = config.Evaluation(probes=("object", "object_sgd"), epochs=20, rate=10.0, limit=None)
    object_, sgd = readings(columns, sources, settings)
    assert (sgd.probe, sgd.setting, sgd.fitted) == ("object_sgd", {"epochs": 20, "rate": 10.0}, None)
    assert sgd.value == pytest.approx(object_.value, abs=5) and sgd.chance == object_.chance
    with pytest.raises(UserError, match=r"evaluation\.epochs should be above 0"):
        load("cifar10/moco-color", ["evaluation.epochs=0"])
