"""What every method must do that takes more than one built method, or a training: the long checks of the table."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import tensorflow as tf

from helpers import contract, replicas
from looc_tf import methods
from looc_tf.config import Optimizer
from looc_tf.methods.pairs import PairSettings
from looc_tf.models import normalization
from looc_tf.models.normalization import SplitBatchNormalization


def movement(method, batch) -> np.ndarray:
    """What one step adds to the learned weights, as one vector."""
    before = contract.arrays(method.trained_variables())
    contract.step(method, batch)
    after = contract.arrays(method.trained_variables())
    return np.concatenate([np.ravel(new - old) for old, new in zip(before, after)])


def precision_moves_as_float32(case, precision: str, scale: float = 1.0) -> None:
    """A step in 16 bits moves the weights within 10 % as far as in float32, nearly in the same direction.

    Args:
        case: the experiment.
        precision: of Keras.
        scale: of the losses; a small one makes gradients that float16 cannot hold unless the loss is scaled.
    """
    # Enough pixels and pictures that rounding averages out: in a small batch one ReLU that flips turns the gradient.
    size = {"looc": 1, "simsiam": 8, "byol": 8}.get(case.method.name, 4) * contract.BATCH
    batch = contract.make_batch(case, size=size, pixels=32)
    moved = []
    for each in ("float32", precision):
        # Weight decay moves the weights whatever the gradients; the usual first loss scale lets sharp losses overflow,
        # and steps are then skipped until it has come down.
        # The rate makes up for small losses, or float32's own rounding of the weights would be what is measured.
        method = contract.build(case, each, 0.03 / scale, decay=0.0, loss_scale=None if scale < 1 else 2.0**8)
        compare = method.compare

        def small(batch, targets, compare=compare):
            losses, remembered = compare(batch, targets)
            return {name: loss * scale for name, loss in losses.items()}, remembered

        with mock.patch.object(method, "compare", small):
            moved.append(movement(method, batch))
        assert all(variable.dtype not in (tf.float16, tf.bfloat16) for variable in method.variables)
    exact, rounded = moved
    lengths = np.linalg.norm(exact), np.linalg.norm(rounded)
    assert lengths[0] > 0 and abs(lengths[1] / lengths[0] - 1) < 0.1, f"moved by {lengths}"
    assert exact @ rounded > 0.95 * lengths[0] * lengths[1], "in another direction"


def export_equals_the_encoder(case, method, path) -> None:
    """What is exported gives what the final network gives, by every name, and holds nothing else."""
    from looc_tf.export import Embedder, export

    embedder = Embedder(method.final, data_size=contract.PIXELS, view_size=contract.PIXELS)
    images = np.random.default_rng(0).integers(0, 256, [4, contract.PIXELS, contract.PIXELS, 3]).astype(np.uint8)
    expected = method(tf.cast(images, tf.float32) / 255)
    out = export(embedder, path)
    loaded = tf.saved_model.load(str(out))
    answers = loaded.signatures["images"](images=tf.constant(images))
    assert set(answers) == set(expected)
    for name, vectors in expected.items():
        np.testing.assert_allclose(answers[name], vectors, atol=1e-5, err_msg=name)
    stored = [
        name for name, _ in tf.train.list_variables(str(out / "variables" / "variables")) if "VARIABLE_VALUE" in name
    ]
    assert len(stored) <= len(method.final.variables) + 1, "more than the query encoder went along"  # a save counter


def one_point(method) -> None:
    """Heads of which every picture gets the same row."""
    for encoder in method.encoders().values():
        for head in encoder.heads.values():
            kernel, *bias = head.get_layer("out").weights
            kernel.assign(tf.zeros_like(kernel))
            for each in bias:
                each.assign(tf.ones_like(each))


def alarm_fires_on_a_constant_encoder_alone(case, method) -> None:
    """The collapse alarm, on a method that stands still: silent of sound spaces, not of heads that give one point."""
    from looc_tf.training.callbacks import CollapseAlarm, SpaceMeasures

    def alarmed() -> set[str]:
        alarm = CollapseAlarm(0, 3, 1, grace=2)
        method.fit(contract.make_dataset(case, 3), verbose=0, callbacks=[SpaceMeasures(0, 3), alarm])
        return alarm.alarmed

    assert alarmed() == set()
    one_point(method)
    assert alarmed() == set(method.watched())


def replicas_equal_one(one: dict, two: dict) -> None:
    """Ten steps on two replicas leave the weights, statistics, queues and logged values of one, see `replicas.py`.

    Args:
        one, two: arrays by name, as `replicas.collect` gives them.
    """
    for part in (*replicas.PARTS, "objective"):
        if any(name.startswith(part) for name in one):
            assert replica_distance(one, two, part) < 1e-5, part
    if any(name.startswith("queue") for name in one):
        assert replica_distance(one, two, "queue") < 1e-4, "queue"  # rounding, through two networks
    assert list(one["names"]) == list(two["names"])
    for column, name in enumerate(one["names"]):
        # An accuracy counts which logit is largest, and rounding decides between two that are nearly equal.
        apart = 0.1 if name.endswith("accuracy") else 1e-5
        np.testing.assert_allclose(two["logs"][:, column], one["logs"][:, column], rtol=1e-4, atol=apart, err_msg=name)
    for name in (name for name in two if name.startswith("queue") and name.endswith("/0")):
        assert np.array_equal(two[name], two[f"{name[:-1]}1"]), f"{name}: replicas hold other rows"


def replica_distance(one: dict, two: dict, part: str, skip: str = "nothing") -> float:
    """|a - b| / |a| over all arrays whose name begins with `part`."""
    names = [name for name in one if name.startswith(f"{part}/") and skip not in name]
    assert names, part
    apart = sum(np.sum((np.float64(one[name]) - two[name]) ** 2) for name in names)
    return float(np.sqrt(apart / sum(np.sum(np.float64(one[name]) ** 2) for name in names)))


class Halves(SplitBatchNormalization):
    """Statistics of each half of the pictures, of which one view or several stand one below the other."""

    def call(self, inputs, training=None):
        if not training:
            return super().call(inputs, training=False)
        by_part = np.arange(len(inputs)).reshape([-1, 2, contract.BATCH // 2]).transpose([1, 0, 2]).ravel()
        return tf.gather(super().call(tf.gather(inputs, by_part), training=True), np.argsort(by_part))


@replicas.smooth()
def accumulation_equals_the_large_batch(case) -> None:
    """Three steps in two parts leave the weights, queues and logged values of three whole steps.

    Plain BatchNorm of a part sees that part alone; so does, in the whole batch, one that is split in two.
    """

    def halves(name):
        return Halves(2, momentum=normalization.MOMENTUM, epsilon=normalization.EPSILON, name=name)

    rate = 0.003 if "simsiam" in case.method.name else 0.03  # its rounding grows tenfold a step at the higher one
    with mock.patch.dict(normalization.QUERY_NORMALIZATIONS, halves=halves):
        whole = contract.build(replace(case, model=replace(case.model, batch_norm="halves")), rate=rate)
    parts = contract.build(replace(case, training=replace(case.training, accumulate=2)), rate=rate)
    assert parts.accumulate == 2 and contract.same_bits(
        contract.arrays(whole.trained_variables()), contract.arrays(parts.trained_variables())
    )
    for seed in range(3):
        expected, logs = (contract.step(method, contract.make_batch(case, seed)) for method in (whole, parts))
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
    for one, other in zip(contract.state(whole), contract.state(parts)):
        if one.ndim != 1:  # the moving variances of the two kinds of BatchNorm are another estimate each
            np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-5)


class Pictures:
    """A source in memory: smooth pictures of every color, coarse and fine ones; which of the two is the label.

    Args:
        count, seed: how many, drawn from which numbers.
        world: "lit" from above left, for methods that ask how parts of a picture lie; "tinted", whose color hangs on
            their lightness, for one that asks for it.
    """

    name, split, stylized = "pictures", "train", False

    def __init__(self, count: int, seed: int, world: str = "plain"):
        random = np.random.default_rng(seed)
        self.labels = np.arange(count) % 2
        shape = [contract.PIXELS] * 2
        made = [tf.image.resize(random.random([side, side, 3]), shape, "bicubic") for side in 3 + 5 * self.labels]
        ramp = tf.linspace(1.0, 0.0, contract.PIXELS)
        light = (ramp[:, None] + 0.5 * ramp)[..., None] if world == "lit" else tf.ones([1, 1, 1])
        made = tf.clip_by_value(tf.stack(made) * light, 0, 1)
        if world == "tinted":
            made = tf.concat([made[..., :1], made[..., :1] ** 2, 0.5 * (1 - made[..., :1])], axis=-1)
        self.images = tf.cast(made * 255, tf.uint8)

    def __len__(self) -> int:
        return len(self.labels)

    def fetch(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        labels = tf.gather(tf.constant(self.labels, tf.int64), indices)
        return {"image": tf.gather(self.images, indices), "label": labels, "id": tf.as_string(indices)}


CHAIN = {
    "crop": {"area": [0.5, 1.0]}, "color": {"probability": 0.5}, "rotation": {"probability": 0.3},
    "texture": {"probability": 0.2},
}  # fmt: skip


WORLDS = {**dict.fromkeys(("rotnet", "jigsaw", "relative_patch", "cpc"), "lit"), "colorize": "tinted"}
FEW = 8  # pictures among which one is found


def hasty(settings):
    """Settings of a method with which fifty steps show something: a quick slow copy, prototypes enough."""
    shorter = {"prototypes": 64, "momentum": 0.9, "queue": 0, "frozen_epochs": 0, "rising": False}
    pair = isinstance(settings, PairSettings)
    return replace(settings, **{name: value for name, value in shorter.items() if pair and hasattr(settings, name)})


def fifty_steps_beat_random_weights(case, margin: float = 5.0) -> None:
    """On held-out pictures 50 steps are better than none by a margin, in what the method is to learn.

    One with spaces: percent of pairs of pictures of which a query's own key (where there is none, a second query) lies
    nearer than the other's, the mean over the spaces. One without: percent of right answers, as it logs them.
    """
    from looc_tf import optim
    from looc_tf.methods import Facts, build_plan
    from looc_tf.methods.predicting import Predicting
    from looc_tf.views import training_batches

    gentle = {
        name: {**CHAIN.get(name, settings), **{key: settings[key] for key in ("size", "only") if key in settings}}
        for name, settings in case.views.chain.items()
    }
    case = replace(case, views=replace(case.views, size=contract.PIXELS, chain=gentle))
    if case.method.name == "looc":
        spaces = tuple(replace(space, queue=128) for space in case.method.spaces)
        case = replace(case, method=replace(case.method, spaces=spaces))
    case = replace(case, model=replace(case.model, width=8), method=hasty(case.method))
    method, plan = methods.build(case, Facts(classes=2, pictures=300)), build_plan(case)
    method.compile(optim.build(Optimizer(name="adamw", learning_rate=0.003, schedule="constant"), 50))
    world = WORLDS.get(case.method.name, "plain")
    first = _held_out(method, plan, world)
    # Without negatives the first steps take what random weights tell: essl_simsiam begins at 69.8, has 64.5 at step 50,
    # 67.8 or 78.7 at 200 (with one thread or two) and 87.5 at 400; without its turns 62.4, 83.9 and 84.1.
    steps = 400 if isinstance(method, Predicting) or getattr(method, "slow", None) else 50
    method.fit(training_batches(Pictures(300, 0, world), plan, batch=64, steps=steps), verbose=0)
    last = _held_out(method, plan, world)
    assert last > first + margin, f"{first:.1f} % before, {last:.1f} % after"


def in_evaluation(encoder):
    """Its `__call__` with the running statistics, whatever it is asked for."""
    call = type(encoder).__call__
    return lambda self, images, *given, **options: call(self, images, *given, **{**options, "training": False})


def _held_out(method, plan, world: str) -> float:
    held = Pictures(200, 1, world)
    picked = held.fetch(tf.range(len(held)))
    (views, drawn), (again, _) = (
        plan(picked, tf.random.stateless_uniform([len(held), plan.numbers], seed=(5, seed))) for seed in (5, 6)
    )
    queries = method(views["query"])
    if not method.encoder.heads:
        with mock.patch.object(type(method.encoder), "__call__", in_evaluation(method.encoder)):
            method.reset_metrics()
            batch = {"views": views, "label": held.labels, "parameters": drawn}
            for part in range(0, len(held), FEW):
                rows = tf.nest.map_structure(lambda each: each[part : part + FEW], batch)  # noqa: B023
                method.compare(rows, method.targets(rows))
        return 100 * float(np.mean([m.result() for name, m in method.meters.items() if name.endswith("accuracy")]))
    won = []
    for name in method.encoder.heads:
        keys = method(views.get(name, again["query"]))[name]
        centred = [rows - tf.reduce_mean(rows, axis=0) for rows in (queries[name], keys)]
        likeness = tf.matmul(*(tf.math.l2_normalize(rows, axis=1) for rows in centred), transpose_b=True).numpy()
        own = np.diag(likeness)[:, None]
        won.append((own > likeness).sum() / (own.size * (own.size - 1)))
    return 100 * float(np.mean(won))
