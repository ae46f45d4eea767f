"""Optimizers against slow twins, schedules at the steps where they turn."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import references

from looc_tf import optim
from looc_tf.config import Optimizer
from looc_tf.errors import UserError

START = np.random.default_rng(0).normal(size=[3, 2])
GRADIENTS = np.random.default_rng(1).normal(size=[6, 3, 2])


def run(optimizer, start=START, gradients=GRADIENTS):
    weight = tf.Variable(start.astype(np.float32), name="weight")
    for gradient in gradients:
        optimizer.apply_gradients([(tf.constant(gradient.astype(np.float32)), weight)])
    return weight.numpy()


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_equals_the_numpy_twin_with_decay_in_the_gradient(momentum, decay):
    settings = Optimizer(learning_rate=0.1, momentum=momentum, weight_decay=decay, schedule="constant")
    expected = references.sgd(START, GRADIENTS, [0.1] * 6, momentum, decay)
    np.testing.assert_allclose(run(optim.build(settings, 6)), expected, rtol=1e-5, atol=1e-6)


def test_decay_outside_of_the_gradient_would_be_another_optimizer():
    keras_own = tf.keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1)
    assert not np.allclose(run(keras_own), references.sgd(START, GRADIENTS, [0.1] * 6, 0.9, 0.1), rtol=1e-3)


def test_weight_decay_reaches_biases_and_batch_norm():
    weights = [tf.Variable([2.0], name=name) for name in ("gamma", "bias")]
    optim.build(Optimizer(learning_rate=0.1, weight_decay=0.5, schedule="constant"), 1).apply_gradients(
        [(tf.zeros([1]), weight) for weight in weights]
    )
    assert [float(weight[0]) for weight in weights] == pytest.approx([1.9, 1.9])


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_lamb_equals_the_numpy_twin(decay):
    settings = Optimizer(name="lamb", learning_rate=0.1, weight_decay=decay, schedule="constant")
    np.testing.assert_allclose(run(optim.build(settings, 6)), references.lamb(START, GRADIENTS, 0.1, decay), rtol=1e-4)


def test_lamb_equals_tensorflow_addons():
    addons = pytest.importorskip("tensorflow_addons")
    expected = run(addons.optimizers.LAMB(0.1, weight_decay=0.1))
    settings = Optimizer(name="lamb", learning_rate=0.1, weight_decay=0.1, schedule="constant")
    np.testing.assert_allclose(run(optim.build(settings, 6)), expected, rtol=1e-4)


def test_lamb_moves_weights_that_start_at_zero():
    settings = Optimizer(name="lamb", learning_rate=0.1, schedule="constant")
    assert np.abs(run(optim.build(settings, 6), np.zeros([3, 2]))).min() > 0


def test_adamw_moves_weights():
    assert not np.allclose(run(optim.build(Optimizer(name="adamw", schedule="constant"), 6)), START)


@pytest.mark.parametrize("name", optim.OPTIMIZERS)
def test_every_optimizer_counts_and_keeps_its_state_where_checkpoints_look(name):
    optimizer = optim.build(Optimizer(name=name), 10)
    weight = tf.Variable([1.0])
    optimizer.build([weight])
    optimizer.apply_gradients([(tf.ones([1]), weight)])
    assert int(optimizer.iterations) == 1
    assert float(optimizer.learning_rate) == pytest.approx(0.03)
    assert len(list(optimizer.variables)) >= 2  # steps, and one or more slots
    rebuilt = type(optimizer).from_config({**optimizer.get_config(), "learning_rate": 0.1})
    assert rebuilt.coupled_decay == 1e-4 if hasattr(optimizer, "coupled_decay") else True


def rates(steps, **settings):
    schedule = optim.Schedule(Optimizer(**settings), steps)
    return [float(schedule(tf.constant(step, tf.int64))) for step in range(steps)]


def test_step_schedule_falls_at_its_milestones():
    values = rates(10, learning_rate=1.0, milestones=(0.6, 0.8), decay=0.1)
    assert values == pytest.approx([1.0] * 6 + [0.1] * 2 + [0.01] * 2)


def test_step_schedule_of_the_paper_falls_at_epochs_300_and_400_of_500():
    schedule = optim.Schedule(Optimizer(), 500 * 7)
    assert [float(schedule(epoch * 7 + change)) for epoch in (300, 400) for change in (-1, 0)] == pytest.approx(
        [0.03, 0.003, 0.003, 0.0003]
    )


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_step_schedule_of_a_tiny_training(steps):
    assert all(0 < rate <= 0.03 + 1e-9 for rate in rates(steps))


def test_the_rate_grows_with_the_batch_where_it_is_for_another():
    for reference, expected in ((256, 0.12), (None, 0.03)):
        settings = Optimizer(learning_rate=0.03, schedule="constant", reference_batch=reference)
        assert float(optim.build(settings, 10, batch=1024).learning_rate) == pytest.approx(expected)


def test_a_rate_for_another_batch_needs_the_batch():
    with pytest.raises(UserError, match="Received no batch"):
        optim.build(Optimizer(reference_batch=256), 10)


def test_cosine_schedule():
    values = rates(100, learning_rate=2.0, schedule="cosine")
    assert values[0] == pytest.approx(2.0) and values[50] == pytest.approx(1.0)
    assert values[99] < 0.01 and sorted(values, reverse=True) == values


def test_constant_schedule():
    assert rates(5, learning_rate=0.5, schedule="constant") == [0.5] * 5


def test_warmup_rises_in_a_straight_line_to_the_schedule():
    values = rates(10, learning_rate=1.0, schedule="constant", warmup_steps=4)
    assert values == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1])


def test_the_rate_follows_the_steps_inside_a_graph():
    optimizer = optim.build(Optimizer(learning_rate=1.0, milestones=(0.5, 0.9), momentum=0.0, weight_decay=0.0), 4)
    weight = tf.Variable([0.0])
    optimizer.build([weight])
    step = tf.function(lambda: optimizer.apply_gradients([(-tf.ones([1]), weight)]))
    moved = []
    for _ in range(4):
        before = float(weight[0])
        step()
        moved.append(float(weight[0]) - before)
    assert moved == pytest.approx([1, 1, 0.1, 0.1])


@pytest.mark.parametrize(
    "settings, message", [({"name": "sdg"}, "Did you mean 'sgd'"), ({"schedule": "cosin"}, "Did you mean 'cosine'")]
)
def test_unknown_names(settings, message):
    with pytest.raises(UserError, match=message):
        optim.build(Optimizer(**settings), 10)
