"""Where the time of a training goes on this machine: reading, views, and the parts of a step."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import tensorflow as tf

from looc_tf import methods
from looc_tf.config import Experiment
from looc_tf.data import open_source, reading
from looc_tf.methods import Facts, Method
from looc_tf.methods.arithmetic import operations
from looc_tf.methods.parts import concat_parts, map_in_parts
from looc_tf.progress import stages
from looc_tf.run import compiled
from looc_tf.training.fit import batches_of

IN_TURN = 4  # batches of views that are made in one go: some are made ahead
SIDE = 2048  # of the matrices whose product says how fast the machine computes
HALF = {"mixed_bfloat16": tf.bfloat16, "mixed_float16": tf.float16}


@dataclass(frozen=True)
class Profile:
    """What the parts of a training take, in seconds a step; medians.

    Attributes:
        name: of the config.
        batch: pictures of a step.
        steps: of the whole training.
        step: a step as the training takes it, on views that are ready.
        parts: what it is made of, each timed alone, so that they add up to it but roughly: `targets`, such as keys,
            `forward` with the losses, `backward`, `optimizer`, and `memory`: queues and slow copies.
        reading: fetching and decoding the pictures of a batch, alone.
        views: making the views of a batch, reading included, alone, on all threads.
        operations: multiplications and additions of the convolutions of a step; None of a network that is not ours.
        speed: operations a second that the product of two large matrices reaches here.
    """

    name: str
    batch: int
    steps: int
    step: float
    parts: Mapping[str, float]
    reading: float
    views: float
    operations: Optional[int]
    speed: float

    @property
    def least(self) -> Optional[float]:
        """Seconds of a step whose convolutions ran as fast as the product of matrices, and nothing beside them."""
        return None if self.operations is None else self.operations / self.speed

    @property
    def waits(self) -> float:
        """The share of the training's time that waits for views, where they are made beside the step."""
        return max(0.0, 1 - self.step / self.views)

    @property
    def training(self) -> float:
        """Seconds of all steps; readings and checkpoints come on top."""
        return self.steps * max(self.step, self.views)


def profile(experiment: Experiment, repeats: int = 5) -> Profile:
    """Times the steps of a training on its own pictures and one device; the weights it moves are thrown away.

    Args:
        experiment: the config.
        repeats: of each part; the first time, in which TensorFlow traces it, is not counted.

    Raises:
        UserError: the pictures are missing, or something else that would keep the training from beginning.

    Example:
        >>> profile(load_config("factors/looc")).parts                            # doctest: +SKIP
        {'targets': 0.15, 'forward': 0.05, 'backward': 0.11, 'optimizer': 0.01, 'memory': 0.004}
    """
    data = experiment.data
    source = open_source(data.name, "train", size=data.size, limit=data.limit, **reading(data))
    pictures = methods.pictures_of(experiment, source)
    facts = Facts.of(experiment, pictures)
    method = compiled(experiment, facts)
    batches = batches_of(experiment, pictures, steps=2**31, start=0)
    batch = next(iter(batches))
    with stages("{task.description}", "bar", "count", "left", after=1.0) as show:
        timed = _Timed(repeats, show)
        step, parts = _parts(method, batch, timed)
        rows = tf.range(experiment.training.batch, dtype=tf.int64)
        fetch = tf.function(pictures.fetch)
        made = iter(batches)
        read, views = np.median(
            timed("views", lambda: fetch(rows), lambda: [next(made) for _ in range(IN_TURN)]), axis=1
        )
        speed = _speed(experiment, timed)
    each = operations(experiment)
    work = None if each is None else each * experiment.training.batch
    return Profile(
        experiment.name,
        experiment.training.batch,
        facts.steps,
        step,
        parts,
        float(read),
        float(views) / IN_TURN,
        work,
        speed,
    )


_compiled = functools.partial(tf.function, autograph=False)  # as Keras has it inside of a replica


class _Timed:
    """Calls functions and says how long they take, under a bar."""

    def __init__(self, repeats: int, show: Callable[[str, int, Optional[int]], None]):
        self.repeats, self.show = repeats, show

    def __call__(self, name: str, *functions: Callable[[], Any]) -> np.ndarray:
        """Seconds `[functions, repeats]`: they take turns, so that other work on the machine falls on all of them."""
        found = np.zeros([self.repeats + 1, len(functions)])
        for turn, row in enumerate(found):
            self.show(name, turn, len(found))
            for place, function in enumerate(functions):
                began = time.perf_counter()
                _wait(function())
                row[place] = time.perf_counter() - began
        self.show(name, len(found), len(found))
        return found[1:].T


def _wait(results: Any) -> None:
    """Until the device has computed them."""
    for each in tf.nest.flatten(results)[:1]:
        if tf.is_tensor(each):
            each.numpy()


def _parts(method: Method, batch: dict[str, Any], timed: _Timed) -> tuple[float, dict[str, float]]:
    """Seconds of a whole step and of its parts; those of the backward pass are what it adds to the forward pass."""

    @_compiled
    def targets() -> Any:
        return method.targets(batch)

    wanted = targets()

    @_compiled
    def forward() -> Any:
        return map_in_parts(lambda part: list(method.compare(*part)[0].values()), (batch, wanted), method.accumulate)

    @_compiled
    def backward() -> Any:
        return map_in_parts(lambda part: method.learn(*part), (batch, wanted), method.accumulate)

    learned = backward()
    gradients = [tf.add_n(parts) for parts in zip(*(found for found, _, _ in learned))]
    remembered = concat_parts([kept for _, _, kept in learned])

    @_compiled
    def optimizer() -> tf.Tensor:
        method.move(gradients)
        return tf.zeros([])

    @_compiled
    def memory() -> tf.Tensor:
        method.commit(remembered)
        return tf.zeros([])

    @_compiled
    def step() -> Any:
        return method.train_step(batch)

    still, ahead, both, moved, kept, whole = timed("step", targets, forward, backward, optimizer, memory, step)
    parts = {"targets": still, "forward": ahead, "backward": both - ahead, "optimizer": moved, "memory": kept}
    return float(np.median(whole)), {name: max(0.0, float(np.median(each))) for name, each in parts.items()}


def _speed(experiment: Experiment, timed: _Timed) -> float:
    """Operations a second of a product of matrices, in the precision of the training."""
    kind = HALF.get(experiment.training.precision, tf.float32)
    one = tf.cast(tf.random.stateless_uniform([SIDE, SIDE], seed=(0, 0)), kind)
    return 2 * SIDE**3 / float(np.median(timed("arithmetic", lambda: tf.matmul(one, one)[:1, :1])))
