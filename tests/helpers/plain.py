"""Pair methods as their papers have them, written down plainly: what a method with the one space `all` must equal."""

import math

import numpy as np
import tensorflow as tf

from helpers import contract
from looc_tf import methods
from looc_tf.losses import sinkhorn

STEPS, TOTAL = 5, 100


def unit(rows):
    return tf.math.l2_normalize(rows, axis=1)


def both(encoder, one, two):
    """The rows of two views that pass the encoder as one batch."""
    return tf.split(encoder(tf.concat([one, two], axis=0), training=True)["all"], 2)


def simclr(method, one, two):
    a, b = both(method.encoder, one, two)
    count = len(a)

    def loss(anchors, partners):
        positive = tf.reduce_sum(anchors * partners, axis=1, keepdims=True)
        others = [
            tf.where(tf.eye(count) > 0, tf.float32.min, tf.matmul(anchors, rows, transpose_b=True))
            for rows in (anchors, partners)
        ]
        logits = tf.concat([positive, *others], axis=1) / 0.5
        return tf.reduce_logsumexp(logits, axis=1) - logits[:, 0]

    return (loss(a, b) + loss(b, a)) / 2


def rows(encoder, images):
    return encoder(images, training=True, raw=True)["all"]


def cos(one, two):
    return tf.reduce_sum(unit(one) * unit(two), axis=1)


def byol(method, one, two):
    predictor, target = method.spaces["all"].predictor, method.slow
    key, query = rows(target, one), rows(target, two)  # before the gradient, in the order of the views
    guesses = [predictor(rows(method.encoder, view), training=True) for view in (one, two)]
    return (2 - 2 * cos(guesses[0], query)) + (2 - 2 * cos(guesses[1], key))


def simsiam(method, one, two):
    z = [rows(method.encoder, view) for view in (one, two)]
    p = [method.spaces["all"].predictor(each, training=True) for each in z]
    return -(cos(p[0], tf.stop_gradient(z[1])) + cos(p[1], tf.stop_gradient(z[0]))) / 2


def swav(method, one, two):
    prototypes = method.spaces["all"].prototypes
    scores = [each @ prototypes for each in both(method.encoder, one, two)]
    codes = [tf.stop_gradient(sinkhorn(each)) for each in scores]

    def loss(code, score):
        return -tf.reduce_sum(code * tf.nn.log_softmax(score / 0.1), axis=1)

    return (loss(codes[1], scores[0]) + loss(codes[0], scores[1])) / 2


def dino(method, one, two):
    space = method.spaces["all"]

    def out(each, kernel):
        return each @ tf.math.l2_normalize(kernel, axis=0)

    taught = [out(each, space.slow_prototypes) for each in both(method.slow, one, two)]
    guesses = [out(each, space.prototypes) / 0.1 for each in both(method.encoder, one, two)]
    soft = [tf.stop_gradient(tf.nn.softmax((each - space.center.value) / 0.04)) for each in taught]
    method.taught = (taught[1] + taught[0]) / 2

    def loss(code, guess):
        return -tf.reduce_sum(code * tf.nn.log_softmax(guess), axis=1)

    return (loss(soft[1], guesses[0]) + loss(soft[0], guesses[1])) / 2


def after(name, method, step):
    """What the paper does between two steps."""
    if name == "swav":
        prototypes = method.spaces["all"].prototypes
        length = tf.norm(prototypes, axis=0, keepdims=True)
        prototypes.assign(tf.where(abs(length - 1) < 1e-6, prototypes, prototypes / length))
    if name == "dino":
        space = method.spaces["all"]
        space.center.value.assign(0.9 * space.center.value + (1 - 0.9) * tf.reduce_mean(method.taught, axis=0))
        space.slow_prototypes.assign(0.99 * space.slow_prototypes + (1 - 0.99) * space.prototypes)
    if method.slow is not None:
        tau = 0.99
        if name == "byol":
            tau = 1 - (1 - 0.99) * (tf.cos(math.pi * tf.constant(step, tf.float32) / TOTAL) + 1) / 2
        for copy, weight in zip(method.slow.trainable_variables, method.encoder.trainable_variables):
            copy.assign(tau * copy + (1 - tau) * weight)


PLAIN = {"simclr": simclr, "byol": byol, "simsiam": simsiam, "swav": swav, "dino": dino}


def applies(case) -> bool:
    """Whether it is such a case: one space, two views, symmetric, and nothing held back at the start."""
    settings, views = case.method, contract.plan(case).views
    held = getattr(settings, "frozen_epochs", 0) or getattr(settings, "queue", 0)
    return len(views) == 2 and getattr(settings, "symmetric", True) and not held


def five_steps_are_those_of_the_paper(case) -> None:
    """Two methods of one config, of which the second is trained by what is written here."""
    name = case.method.name
    ours, plain = (contract.build(case, facts=methods.Facts(steps=TOTAL, epoch=1)) for _ in range(2))
    first = contract.arrays(ours.trained_variables())
    for step in range(STEPS):
        batch = contract.make_batch(case, step)
        contract.step(ours, batch)
        one, two = batch["views"]["query"], batch["views"]["all"]
        variables = plain.trained_variables()
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(PLAIN[name](plain, one, two)) / contract.BATCH
        gradients = tape.gradient(loss, variables)
        if name == "dino":
            gradients = [tf.clip_by_norm(each, case.method.clip) for each in gradients]
        plain.optimizer.apply_gradients(zip(gradients, variables))
        after(name, plain, step)
    assert not contract.same_bits(first, contract.arrays(ours.trained_variables()))
    assert contract.same_bits(weights(ours), weights(plain))


def weights(method) -> list[np.ndarray]:
    """All variables but the running means and the rows that are kept to be looked at."""
    others = [*method.metrics, *method.recent.values()]
    aside = {id(variable) for other in others for variable in other.variables}
    return contract.arrays(variable for variable in method.variables if id(variable) not in aside)
