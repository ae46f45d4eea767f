"""Pair methods as their papers have them, written down plainly: what a method with the one space `all` must equal.

Nothing of the library is used but the networks, the optimizer and the augmentations' numbers. A sum is taken in the
library's order, since another one would round otherwise.
"""

import math

import numpy as np
import tensorflow as tf

from helpers import contract
from looc_tf import methods

STEPS, TOTAL = 5, 100


def unit(rows):
    return tf.math.l2_normalize(rows, axis=1)


def both(encoder, one, two):
    """The rows of two views that pass the encoder as one batch."""
    return tf.split(encoder(tf.concat([one, two], axis=0), training=True)["all"], 2)


def crops(encoder, views):
    """The unit rows of each view: the trunk is given views of one size together, the head the features of all."""
    large, small = [[name for name in views if name.startswith("local") == local] for local in (False, True)]
    together = [tf.concat([views[name] for name in names], axis=0) for names in (large, small) if names]
    features = tf.concat([encoder(images, training=True, heads=[])["trunk"] for images in together], axis=0)
    rows = unit(encoder.heads["all"](features, training=True))
    return dict(zip([*large, *small], tf.split(rows, len(large) + len(small))))


def cos(one, two):
    return tf.reduce_sum(unit(one) * unit(two), axis=1)


def apart(code, logits):
    return -tf.reduce_sum(code * tf.nn.log_softmax(logits), axis=1)


def others(view, rows):
    """Similarities to the rows of all pictures but the own one."""
    return tf.where(tf.eye(len(view)) > 0, tf.float32.min, tf.matmul(view, rows, transpose_b=True))


def of_simclr(a, b):
    def loss(anchors, partners):
        positive = tf.reduce_sum(anchors * partners, axis=1, keepdims=True)
        logits = tf.concat([positive, others(anchors, anchors), others(anchors, partners)], axis=1) / 0.5
        return tf.reduce_logsumexp(logits, axis=1) - logits[:, 0]

    return (loss(a, b) + loss(b, a)) / 2


def simclr(method, batch, step):
    return of_simclr(*both(method.encoder, batch["views"]["query"], batch["views"]["all"]))


def joint(method, batch, step):
    a, b = both(method.encoder, batch["views"]["query"], batch["views"]["all"])

    def near(view, rows):
        return tf.reduce_logsumexp(tf.concat([others(view, each) for each in rows], axis=1) / 0.5, axis=1)

    sides = a / 1**0.5, b / 1**0.5  # of all spaces, side by side
    crowding = (near(sides[0], sides) + near(sides[1], sides)) / 2
    return -cos(a, b) / 0.5 + crowding


def raw(encoder, images):
    """The trunk's features, and the rows of the head as they are."""
    features = encoder(images, training=True, heads=[])["trunk"]
    return {"trunk": features, "all": encoder.heads["all"](features, training=True)}


def byol(method, batch, step):
    views = [batch["views"][name] for name in ("query", "all")]
    predictor = method.spaces["all"].predictor
    query, key = [tf.stop_gradient(raw(method.slow, view)["all"]) for view in views]
    guesses = [predictor(raw(method.encoder, view)["all"], training=True) for view in views]
    return (2 - 2 * cos(guesses[0], key)) + (2 - 2 * cos(guesses[1], query))


def of_simsiam(method, encoded):
    z = [each["all"] for each in encoded]
    p = [method.spaces["all"].predictor(each, training=True) for each in z]
    return -(cos(p[0], tf.stop_gradient(z[1])) + cos(p[1], tf.stop_gradient(z[0]))) / 2


def simsiam(method, batch, step):
    return of_simsiam(method, [raw(method.encoder, batch["views"][name]) for name in ("query", "all")])


def augself(method, batch, step):
    encoded = [raw(method.encoder, batch["views"][name]) for name in ("query", "all")]
    drawn = [
        [made.vector(batch["parameters"][view][name]) for name, made in method.augmentations.items()]
        for view in ("query", "all")
    ]

    def error(one, other):
        guess, start, found = method.reader(tf.concat([encoded[one]["trunk"], encoded[other]["trunk"]], axis=1)), 0, []
        for first, second in zip(drawn[one], drawn[other]):
            stop = start + first.shape[1]
            found.append(tf.reduce_mean((guess[:, start:stop] - (first - second)) ** 2, axis=1))
            start = stop
        return tf.add_n(found)

    return of_simsiam(method, encoded) + (error(0, 1) + error(1, 0)) / 2


def turns(method, batch):
    """The four turns of the small view, told apart by cross-entropy; its mean over them."""
    images, losses = batch["views"]["local1"], []
    shown = tf.concat([tf.image.rot90(images, turn) for turn in range(4)], axis=0)
    logits = method.teller(method.encoder(shown, training=True, heads=[])["trunk"])
    for turn, each in enumerate(tf.split(logits, 4)):
        labels = tf.fill([len(images)], turn)
        losses.append(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, each))
    return tf.reduce_mean(tf.stack(losses), axis=0)


def essl(method, batch, step):
    rows = both(method.encoder, batch["views"]["query"], batch["views"]["all"])
    told = turns(method, batch)
    return of_simclr(*rows) + 0.4 * told


def essl_simsiam(method, batch, step):
    encoded = [raw(method.encoder, batch["views"][name]) for name in ("query", "all")]
    told = turns(method, batch)
    return of_simsiam(method, encoded) + 0.4 * told


def sinkhorn(scores, epsilon=0.05):
    """Three times: prototypes get equal shares, then each row adds up to 1."""
    logs = scores / epsilon
    for axis in (0, 1) * 3:
        logs = logs - tf.reduce_logsumexp(logs, axis=axis, keepdims=True)
    return tf.exp(logs)


def swav(method, batch, step):
    space = method.spaces["all"]
    method.rows = crops(method.encoder, batch["views"])
    scores = {name: each @ space.prototypes for name, each in method.rows.items()}
    codes = {}
    for name in ("all", "query"):
        found = scores[name]
        if space.queues and step * contract.BATCH >= space.rows:  # full
            found = tf.concat([space.queues[name].queue @ space.prototypes, found], axis=0)
        codes[name] = tf.stop_gradient(sinkhorn(found)[-contract.BATCH :])
    finders = {key: [name for name in scores if name != key] for key in codes}
    found = [
        tf.add_n([apart(codes[key], scores[name] / 0.1) for name in finders[key]]) / len(finders[key]) for key in codes
    ]
    return tf.add_n(found) / 2


def dino(method, batch, step):
    space = method.spaces["all"]

    def out(each, kernel):
        return each @ tf.math.l2_normalize(kernel, axis=0)

    large = {name: batch["views"][name] for name in ("query", "all")}
    taught = {name: out(each, space.slow_prototypes) for name, each in crops(method.slow, large).items()}
    guesses = {name: out(each, space.prototypes) / 0.1 for name, each in crops(method.encoder, batch["views"]).items()}
    soft = {name: tf.stop_gradient(tf.nn.softmax((each - space.center.value) / 0.04)) for name, each in taught.items()}
    method.taught = (taught["all"] + taught["query"]) / 2
    pairs = [(name, key) for name in guesses for key in ("query", "all") if name != key]
    return tf.add_n([apart(soft[key], guesses[name]) for name, key in pairs]) / len(pairs)


def push(queue, rows, step):
    """Rows of a batch take the slots of the oldest."""
    for number, row in enumerate(rows):
        queue.queue[(step * len(rows) + number) % queue.queue.shape[0]].assign(row)
    queue.entered.assign_add(len(rows))


def after(name, method, step):
    """What the paper does between two steps."""
    space = method.spaces["all"]
    if name == "swav":
        length = tf.norm(space.prototypes, axis=0, keepdims=True)
        space.prototypes.assign(tf.where(abs(length - 1) < 1e-6, space.prototypes, space.prototypes / length))
        for view, queue in space.queues.items():
            push(queue, method.rows[view], step)
    if name == "dino":
        space.center.value.assign(0.9 * space.center.value + (1 - 0.9) * tf.reduce_mean(method.taught, axis=0))
        space.slow_prototypes.assign(0.99 * space.slow_prototypes + (1 - 0.99) * space.prototypes)
    if method.slow is not None:
        tau = 0.99
        if name == "byol":
            tau = 1 - (1 - 0.99) * (tf.cos(math.pi * tf.constant(step, tf.float32) / TOTAL) + 1) / 2
        for copy, weight in zip(method.slow.trainable_variables, method.encoder.trainable_variables):
            copy.assign(tau * copy + (1 - tau) * weight)


PLAIN = {each.__name__: each for each in (simclr, byol, simsiam, swav, dino, joint, augself, essl, essl_simsiam)}


def applies(case) -> bool:
    """Whether it is such a case: one space, compared in both directions; small views where the paper has them."""
    settings = case.method
    small = getattr(settings, "local_views", 0) and settings.name == "simclr"
    return len(settings.spaces) == 1 and getattr(settings, "symmetric", True) and not small


def five_steps_are_those_of_the_paper(case) -> None:
    """Two methods of one config, of which the second is trained by what is written here."""
    name = case.method.name
    ours, plain = (contract.build(case, facts=methods.Facts(steps=TOTAL, epoch=1)) for _ in range(2))
    first, variables = contract.arrays(ours.trained_variables()), plain.trained_variables()
    plain.optimizer.build(variables)
    for step in range(STEPS):
        batch = contract.make_batch(case, step)
        logged = contract.step(ours, batch)["loss"]
        with tf.GradientTape() as tape:
            losses = PLAIN[name](plain, batch, step)
            loss = tf.reduce_sum(losses) / contract.BATCH
        gradients = dict(zip(map(id, variables), tape.gradient(loss, variables)))
        if name == "dino":
            gradients = {key: tf.clip_by_norm(each, case.method.clip) for key, each in gradients.items()}
        moved = variables
        if step < getattr(case.method, "frozen_epochs", 0):  # an epoch has one step
            moved = [each for each in variables if each is not plain.spaces["all"].prototypes]
        plain.optimizer.apply_gradients([(gradients[id(each)], each) for each in moved])
        after(name, plain, step)
        assert logged == float(tf.reduce_mean(losses)), f"loss of step {step}"
        assert contract.same_bits(weights(ours), weights(plain)), f"weights of step {step}"
    assert not contract.same_bits(first, contract.arrays(ours.trained_variables()))


def weights(method) -> list[np.ndarray]:
    """All variables but the running means and the rows that are kept to be looked at."""
    aside = {id(variable) for other in [*method.metrics, *method.recent.values()] for variable in other.variables}
    return contract.arrays(variable for variable in method.variables if id(variable) not in aside)
