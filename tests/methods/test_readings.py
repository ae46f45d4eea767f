"""Places where a paper, or its code, is easily read in another way."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract, long_checks

from looc_tf import augment, methods, objectives, optim
from looc_tf.augment import Augmentation
from looc_tf.config import Optimizer
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.methods import Facts
from looc_tf.views import training_batches

BOTH = [("query", "all"), ("all", "query")]
START = tf.constant(0, tf.int64)


@pytest.mark.parametrize("name", ["simclr_looc", "byol_looc", "dino_looc"])
def test_a_sibling_that_is_as_near_as_the_own_key_is_no_success(name):
    method = contract.rewound(name).rewind()
    long_checks.one_point(method)
    logs = contract.step(method, contract.make_batch(contract.CASES[name]))
    assert logs["color/sibling_accuracy"] == 0


@pytest.mark.parametrize("name", ["swav", "dino"])
def test_prototypes_that_are_frozen_do_not_move_a_bit_however_the_method_is_compiled(name):
    method = methods.build(contract.CASES[name], Facts(steps=100, epoch=2))
    method.compile(
        optim.build(Optimizer(learning_rate=0.03, weight_decay=0.1, schedule="constant"), 100), run_eagerly=True
    )
    space, moved = method.spaces["all"], []
    for seed in range(3):
        before = contract.arrays(space.held())
        contract.step(method, contract.make_batch(contract.CASES[name], seed))
        moved.append(not contract.same_bits(before, contract.arrays(space.held())))
    assert moved == [False, False, True]  # one epoch of two steps


def test_compiled_again_with_the_same_optimizer_a_method_goes_on():
    method = methods.build(contract.CASES["dino"], Facts(steps=100, epoch=2))
    optimizer = optim.build(Optimizer(weight_decay=0.1, schedule="constant"), 100)
    for seed in range(2):
        method.compile(optimizer, run_eagerly=True)
        contract.step(method, contract.make_batch(contract.CASES["dino"], seed))
    assert not any(optimizer._use_weight_decay(variable) for variable in method.undecayed())


def momentum_of(step, facts, name="byol"):
    method = methods.build(contract.CASES[name], facts)
    method.compile(optim.build(Optimizer(), 100))
    method.optimizer.iterations.assign(step + 1)  # the step is taken already when the copy follows
    return float(method._momentum())


def test_a_rising_momentum_stays_at_one_behind_the_end_of_the_training():
    assert momentum_of(100, Facts(steps=100)) == 1
    assert momentum_of(150, Facts(steps=100)) == 1


def test_a_momentum_does_not_rise_in_a_training_of_unknown_length():
    assert [momentum_of(step, Facts()) for step in range(3)] == [pytest.approx(0.99)] * 3


def test_a_method_that_was_not_told_how_long_it_trains_says_what_it_will_not_do(caplog):
    with caplog.at_level(logging.WARNING):
        methods.build(contract.CASES["dino"])
    assert "method.frozen_epochs" in caplog.text and "facts=Facts.of(experiment, source)" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        methods.build(contract.CASES["dino"], Facts(steps=100, epoch=2))
        methods.build(contract.CASES["simclr"])
    assert not caplog.text


def test_of_a_queue_that_is_not_there_nothing_is_said():
    case = load("cifar10/swav")
    assert case.method.queue_epochs and not case.method.queue
    assert methods.build(contract.CASES["swav_pair"], Facts(steps=10, epoch=5)).remarks() == []
    with_queue = methods.build(contract.CASES["swav"], Facts(steps=10, epoch=10)).remarks()
    assert len(with_queue) == 1 and "frozen_epochs" in with_queue[0]


def test_the_temperature_of_the_teacher_rises_from_epoch_to_epoch():
    """`np.linspace(first, last, epochs)[epoch]` of the authors' code, then the last one."""
    case = load("cifar10/dino", ["method.teacher_temperatures=[0.04, 0.07]", "method.teacher_epochs=30"])
    sharpness = methods.DINO.objective(case, case.method.spaces[0], Facts(steps=1000, epoch=10)).sharpness
    found = [float(sharpness(tf.constant(step, tf.int64))) for step in range(0, 320, 10)]
    np.testing.assert_allclose(found[:30], np.linspace(0.04, 0.07, 30), rtol=1e-5)
    assert found[15] == pytest.approx(0.055517, abs=1e-6) and found[30:] == [pytest.approx(0.07)] * 2
    assert float(sharpness(tf.constant(159, tf.int64))) == found[15]  # and not within one


@pytest.mark.parametrize("wrong", ["[0.0, 0.04]", "[0.04, -1]", "[0.04, 1e300]"])
def test_a_temperature_of_the_teacher_that_cannot_be(wrong):
    with pytest.raises(UserError, match=r"method\.teacher_temperatures should lie between"):
        load("cifar10/dino", [f"method.teacher_temperatures={wrong}"])


KINDS = [name for name, kind in augment.AUGMENTATIONS.items() if kind.vector is not Augmentation.vector]


@pytest.mark.parametrize("name", KINDS)
def test_no_difference_of_drawn_numbers_is_out_of_reach_of_tanh(name):
    """AugSelf asks a network that ends in tanh for it; the authors scale what was drawn to [0, 1]."""
    made = augment.build(name, **({"size": 8} if name == "crop" else {}))
    corners = tf.random.stateless_uniform([256, made.numbers], (1, 2))
    corners = tf.concat([corners, tf.round(corners) * (1 - 1e-6)], axis=0)
    drawn = made.vector(made.sample(corners)).numpy()
    assert drawn.min() >= 0 and drawn.max() <= 1
    assert np.ptp(drawn, axis=0).max() > 0.5


def test_each_augmentation_counts_alike_in_augself():
    """The losses of the augmentations are added up, each the mean over its own numbers."""
    case = contract.CASES["augself"]
    method, batch = contract.rewound("augself").rewind(), contract.make_batch(case)
    rows = {view: method.encoder(batch["views"][view], training=True)["trunk"] for view in ("query", "all")}
    expected = 0.0
    for one, other in (("query", "all"), ("all", "query")):
        guess, start = method.reader(tf.concat([rows[one], rows[other]], axis=1)).numpy(), 0
        for name in case.method.predicts:
            vector = method.augmentations[name].vector
            asked = (vector(batch["parameters"][one][name]) - vector(batch["parameters"][other][name])).numpy()
            expected += np.mean((guess[:, start : start + asked.shape[1]] - asked) ** 2) / 2
            start += asked.shape[1]
    logs = contract.step(contract.rewound("augself").rewind(), batch)
    assert logs["parameters/loss"] == pytest.approx(expected, rel=1e-4)


def test_spaces_that_should_be_unlike_are_pushed_apart_over_the_whole_batch():
    case = contract.CASES["simsiam_looc"]
    asked = replace(case, method=replace(case.method, unlike_spaces=2.0))
    batch = contract.make_batch(case)
    plain, pushed = (contract.step(contract.build(each), batch) for each in (case, asked))
    assert 0 < pushed["likeness"] <= 3  # of three pairs of spaces
    assert pushed["loss"] == pytest.approx(plain["loss"] + 2 * pushed["likeness"], rel=1e-5)
    assert pushed["color/loss"] == pytest.approx(plain["color/loss"], rel=1e-5) and "likeness" not in plain
    alone = replace(asked, method=replace(asked.method, spaces=asked.method.spaces[:1]))
    assert "likeness" not in contract.step(contract.build(alone), batch)
    with pytest.raises(UserError, match=r"unlike_spaces needs the whole batch at once, training.accumulate of 2 cuts"):
        load(
            "cifar10/simsiam-looc-rotation",
            ["method.unlike_spaces=1", "training.accumulate=2", "model.batch_norm=plain"],
        )


def test_the_lines_of_the_readme_train_augself_too():
    """They ended in an error of TensorFlow's: the batches did not hold what was drawn."""
    case = contract.CASES["augself"]
    plan = methods.build_plan(case)
    data = training_batches(long_checks.Pictures(16, seed=0), plan, batch=8, steps=2)
    method = methods.build(case)
    method.compile(optim.build(case.optimizer, steps=2))
    assert np.isfinite(method.fit(data, verbose=0).history["parameters/loss"][0])


def test_augself_refuses_batches_that_do_not_say_what_was_drawn():
    batch = contract.make_batch(contract.CASES["augself"])
    del batch["parameters"]
    with pytest.raises(UserError, match="recorded=True"):
        contract.step(contract.rewound("augself").rewind(), batch)


@pytest.mark.parametrize("space", [objectives.InBatch("all", 0.5, batch=3), objectives.Aligned("all", 0.5)])
def test_ranking_moves_the_query_and_no_key(space):
    unit = {
        view: tf.math.l2_normalize(tf.random.stateless_normal([3, 4], (1, i)), axis=1) for i, view in enumerate("qkc")
    }
    rows = {"query": unit["q"], "all": unit["k"], "color": unit["c"]}
    with tf.GradientTape() as tape:
        tape.watch(rows)
        near = space(rows, rows, BOTH, ["color"], START).nearness
    found = tape.gradient(near, rows)
    assert found["query"] is not None
    assert all(found[key] is None or not np.any(found[key]) for key in ("all", "color"))


@pytest.mark.parametrize("name", ["swav", "dino"])
def test_the_head_takes_its_statistics_over_large_and_small_views(name):
    """The trunk is given views of one size at a time, and the head the features of all views at once."""
    method, batch = contract.rewound(name).rewind(), contract.make_batch(contract.CASES[name])
    views = batch["views"]
    norm = next(layer for layer in method.encoder.heads["all"].layers if "norm" in layer.name)
    before, seen = norm.moving_mean.numpy(), []
    call = type(norm).call

    def watched(layer, inputs, *given, **options):
        if layer is norm:
            seen.append(len(inputs))
        return call(layer, inputs, *given, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(norm), "call", watched)
        method._encode(method.encoder, views)
    assert seen == [len(views) * contract.BATCH]
    assert not np.array_equal(before, norm.moving_mean.numpy())


def test_a_space_cannot_share_the_crop_that_only_small_views_have():
    with pytest.raises(UserError, match="shares 'local'"):
        load("cifar10/simclr-multicrop", ["method.spaces=[{name: all}, {name: near, shares: [local]}]"])
