"""LooC with one space is MoCo: bit for bit, against MoCo's own algorithm."""

import numpy as np
import tensorflow as tf
from helpers import contract, references
from tensorflow import keras

from looc_tf import models, optim
from looc_tf.config import Optimizer
from looc_tf.methods.looc import Space
from looc_tf.models.normalization import split

STEPS = 20
CASE = contract.experiment((Space("all", temperature=0.2, queue=24),))
OPTIMIZER = Optimizer(learning_rate=0.05, weight_decay=1e-3, schedule="constant")


class Network:
    """A function of pictures in MoCo's sense: one vector each, in training mode."""

    def __init__(self, encoder):
        self.encoder, self.variables_learned = encoder, encoder.trainable_variables

    def __call__(self, images):
        return self.encoder(images, training=True)["all"]


def plain_moco(queue):
    """Both networks from the seed of the experiment, the second one a copy of the first."""
    keras.utils.set_random_seed(CASE.seed)
    quick = models.Encoder(CASE.model, ["all"])
    slow = models.Encoder(CASE.model, ["all"], norm=split(CASE.method.key_groups))
    slow.set_weights(quick.get_weights())
    return references.PlainMoCo(
        Network(quick), Network(slow), queue, t=0.2, m=CASE.method.momentum, optimizer=optim.build(OPTIMIZER, STEPS)
    )


def test_looc_with_one_space_is_moco_bit_for_bit():
    looc = contract.build(CASE)
    looc.compile(optim.build(OPTIMIZER, STEPS))
    space = looc.spaces["all"]
    moco = plain_moco(space.queue.numpy())
    looc_step = tf.function(looc.train_step)
    for number in range(STEPS):
        batch = contract.make_batch(CASE, seed=number)
        looc.reset_metrics()
        loss = looc_step(batch)["loss"]
        expected = moco.step(batch["views"]["query"], batch["views"]["all"], batch["order"])
        assert np.array_equal(loss, expected), f"loss of step {number}"
        assert np.array_equal(space.queue, moco.queue), f"queue of step {number}"
        for ours, theirs in ((looc.encoder, moco.f_q.encoder), (looc.key_encoder, moco.f_k.encoder)):
            assert contract.same_bits(ours.get_weights(), theirs.get_weights()), f"{ours.name} of step {number}"
    assert not np.array_equal(looc.encoder.get_weights()[0], looc.key_encoder.get_weights()[0])
