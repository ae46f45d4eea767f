"""`fit` in a notebook: what is no batch of views is sent on, epochs go on, and a rate of zero is said."""

import logging

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract, tiny

import looc_tf
from looc_tf.errors import UserError
from looc_tf.optim import Schedule

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), np.uint8)
EXPERIMENT = tiny.experiment("arrays", "training.batch=8")


class Seen(tf.keras.callbacks.Callback):
    """The learning rate and loss of each step."""

    def on_train_begin(self, logs=None):
        self.rates, self.losses = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))
        self.losses.append(logs["loss"])


@pytest.fixture(scope="module")
def source():
    return looc_tf.source_of(IMAGES)


def method(steps, **optimizer):
    made = looc_tf.build_method(EXPERIMENT)
    made.compile(looc_tf.build_optimizer(EXPERIMENT.optimizer, steps=steps), run_eagerly=True)
    return made


def data(source, steps, start=0):
    return looc_tf.training_batches(source, looc_tf.build_plan(EXPERIMENT), batch=8, steps=steps, start=start)


@pytest.mark.parametrize(
    "given",
    [
        (IMAGES,),
        (IMAGES, np.arange(16)),
        (IMAGES / 255.0,),
        ((IMAGES, IMAGES),),
        ([IMAGES, IMAGES],),
        (tf.constant(IMAGES),),
        (tf.data.Dataset.from_tensor_slices(IMAGES).batch(8),),
        (tf.data.Dataset.from_tensor_slices((IMAGES, np.arange(16))).batch(8),),
        (tf.data.Dataset.from_tensor_slices({"image": IMAGES}).batch(8),),
        (tf.data.Dataset.from_tensor_slices({"views": IMAGES}).batch(8),),
        (None,),
        ("photos",),
    ],
)
def test_what_is_no_batch_of_views_is_told_the_way(given):
    with pytest.raises(UserError, match=r"source_of\(images, labels\).*training_batches\(source, plan"):
        contract.rewound("moco").rewind().fit(*given, verbose=0)


def test_a_source_is_no_batch_either(source):
    with pytest.raises(UserError, match="Received Source"):
        contract.rewound("moco").rewind().fit(source, verbose=0)


def test_batches_of_ones_own_are_taken():
    case = contract.CASES["moco"]
    made = contract.rewound("moco").rewind()
    made.fit(contract.make_dataset(case, 2), verbose=0, epochs=2)
    assert int(made.optimizer.iterations) == 4
    with pytest.raises(UserError, match="Received generator"):
        made.fit(contract.make_batch(case) for _ in range(1))


def test_epochs_are_parts_of_one_training(source, caplog):
    """The same steps, rates and losses as one epoch over all of it; before, the second one had a rate of 0."""
    whole, parts = Seen(), Seen()
    method(6).fit(data(source, 6), verbose=0, callbacks=[whole])
    made = method(6)
    made.fit(data(source, 6), verbose=0, epochs=3, callbacks=[parts])
    assert parts.rates == whole.rates and len(parts.rates) == 6
    assert 0 < parts.rates[-1] < parts.rates[0]
    assert int(made.optimizer.iterations) == 6 and not caplog.records
    with pytest.raises(UserError, match=r"at most an epoch for each of 6 steps\. Received epochs=7"):
        made.fit(data(source, 6), epochs=7)


def test_epochs_of_ones_own_length_are_left(source):
    seen = Seen()
    method(6).fit(data(source, 6), verbose=0, epochs=2, steps_per_epoch=2, callbacks=seen)
    assert len(seen.rates) == 4


def test_a_second_fit_on_the_same_batches_is_warned_of(source, caplog):
    made, batches = method(2), data(source, 2)
    with caplog.at_level(logging.WARNING):
        made.fit(batches, verbose=0)
        assert not caplog.records
        made.fit(batches, verbose=0)
    same, end = caplog.messages
    assert "2 steps were taken, and these batches begin at step 0: the same views again" in same
    assert "start=2" in same
    assert "ends at step 2, and this training goes on to step 4; from there on the rate is 0." in end
    assert "build_optimizer(settings, steps=4)" in end


def test_a_second_fit_that_goes_on_is_not(source, caplog):
    made, first, second, whole = method(4), Seen(), Seen(), Seen()
    made.fit(data(source, 2), verbose=0, callbacks=[first])
    made.fit(data(source, 4, start=2), verbose=0, callbacks=[second])
    method(4).fit(data(source, 4), verbose=0, callbacks=[whole])
    assert first.rates + second.rates == whole.rates
    assert not caplog.records


def test_a_schedule_that_is_too_short_is_said_before_the_first_step(source, caplog):
    seen = []
    say = tf.keras.callbacks.LambdaCallback(on_train_batch_begin=lambda *_: seen.append(len(caplog.records)))
    method(2).fit(data(source, 3), verbose=0, callbacks=[say])
    assert seen == [1, 1, 1] and "goes on to step 3" in caplog.text


def test_batches_of_unknown_number_are_warned_of_once(caplog):
    case = contract.CASES["moco"]
    made = contract.rewound("moco").rewind()
    made.optimizer._learning_rate, before = Schedule(EXPERIMENT.optimizer, 2), made.optimizer._learning_rate
    try:
        unknown = contract.make_dataset(case, 2).filter(lambda batch: True)
        made.fit(unknown, verbose=0, epochs=3)
    finally:
        made.optimizer._learning_rate = before
    assert len(caplog.records) == 1 and "ends at step 2" in caplog.text


def test_a_constant_rate_has_no_end():
    from looc_tf.config import Optimizer

    assert [Schedule(Optimizer(schedule=name), 5).last_step for name in ("constant", "cosine", "step")] == [None, 5, 5]
