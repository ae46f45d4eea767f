"""Pictures to batches of views: the same for a given seed and step, whatever came before."""

from __future__ import annotations

import os
from typing import Any

import tensorflow as tf

from looc_tf.data import Source
from looc_tf.distribute import replicas
from looc_tf.errors import UserError
from looc_tf.views.plan import View, ViewPlan
from looc_tf.views.trial import try_own

DRAWS, DEAL = range(2)  # independent streams of random numbers under one seed
BUDGET = 2**30  # bytes of rendered batches that wait for the training: on many cores AUTOTUNE takes far more


def training_batches(
    source: Source, plan: ViewPlan, *, batch: int, steps: int, seed: int = 0, start: int = 0
) -> tf.data.Dataset:
    """Training batches `start` to `steps`, ready for `Method.fit`.

    Each epoch visits the pictures in a permutation computed from (seed, epoch), so any step can be reached at once, and
    each batch takes its random numbers from (seed, step): a resumed run sees what an uninterrupted one does.

    Args:
        source: the pictures, each decoded once for all of its views.
        plan: the views.
        batch: pictures of a global batch; the rest of an epoch that fills no batch is left for the next permutation.
        steps: the step to end before: this is the data of a whole training, however many passes over the pictures.
            `fit(data)` goes over it once, `fit(data, epochs=10)` in ten parts, each a tenth of the steps.
        seed: of the run.
        start: the first step.

    Returns:
        A data set of `{"views": {name: [batch, H, W, 3]}, "order": [batch], "label": [batch], "picture": [batch]}`,
        where row r of a shuffled view belongs to row `order[r]` of the others, so that it meets other company there,
        and other devices; picture p is called `source.ids[p]`, though another one stands in for it if it is found
        broken only now (see `Source`). Of a plan that is `recorded` also `"parameters": {view: {augmentation: {...:
        [batch, ...]}}}`, row for row with the view. No strings are in it, which no compiled step could take.

    >>> import looc_tf
    >>> pictures = looc_tf.source_of(tf.zeros([8, 32, 32]))
    >>> plan = looc_tf.build_plan(looc_tf.load_config("factors/looc"))
    >>> batch = next(iter(training_batches(pictures, plan, batch=4, steps=2)))
    >>> {name: tuple(view.shape) for name, view in batch["views"].items()}
    {'query': (4, 32, 32, 3), 'all': (4, 32, 32, 3), 'color': (4, 32, 32, 3), 'rotation': (4, 32, 32, 3)}
    """
    _check(source, plan, batch, start)
    each_epoch = len(source) // batch
    shuffled = any(view.shuffled for view in plan.views)

    def uniform(shape: list[int], stream: int, step: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, seed=tf.stack([tf.constant(2 * seed + stream, tf.int64), step]))

    @tf.function(input_signature=[tf.TensorSpec([], tf.int64)])
    def render(step: tf.Tensor) -> dict:
        position = step % each_epoch * batch + tf.range(batch, dtype=tf.int64)
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), step // each_epoch])
        pictures = tf.random.experimental.index_shuffle(position, epoch_seed, len(source) - 1)
        picked = source.fetch(pictures)
        views, drawn = plan(picked, uniform([batch, plan.numbers], DRAWS, step))
        order = tf.argsort(uniform([batch], DEAL, step)) if shuffled else tf.range(batch)
        made = {
            "views": {view.name: _dealt(view, views[view.name], order) for view in plan.views},
            "order": order,
            "label": picked["label"],
            "picture": pictures,
        }
        if plan.recorded:
            made["parameters"] = {view.name: _dealt(view, drawn[view.name], order) for view in plan.views}
        return made

    ahead = _batches_ahead(render.get_concrete_function().structured_outputs["views"])
    data = tf.data.Dataset.range(start, steps).map(render, num_parallel_calls=ahead, deterministic=True).prefetch(1)
    data.training_steps = range(start, steps)  # which `Method.fit` reads
    return data


def _dealt(view: View, rows: Any, order: tf.Tensor) -> Any:
    """The rows of a view in the order in which it comes."""
    return tf.nest.map_structure(lambda each: tf.gather(each, order), rows) if view.shuffled else rows


def _check(source: Source, plan: ViewPlan, batch: int, start: int) -> None:
    """Raises a `UserError` for what is no source, one that does not fill a batch, augmentations that cannot work."""
    if not hasattr(source, "fetch"):
        raise UserError(
            f"Expected a source of pictures. Received {type(source).__name__}. "
            "Open one by name, looc_tf.open_source, or make it of arrays: looc_tf.source_of(images, labels)."
        )
    if batch % replicas():
        raise UserError(
            f"A batch of {batch} pictures cannot be dealt to {replicas()} devices in equal parts. Use a multiple of "
            f"{replicas()}."
        )
    if len(source) < batch:
        raise UserError(
            f"A batch takes {batch} pictures; {source.name!r} ({source.split}) has {len(source)}. "
            f"Lower training.batch, or give more pictures."
        )
    if start == 0:  # a training that goes on keeps what it began with
        try_own(plan, lambda: source.fetch(tf.zeros([1], tf.int64))["image"].shape[1:])


def _batches_ahead(views: dict[str, tf.TensorSpec]) -> int:
    """How many batches to render at the same time: one a core, as far as memory allows."""
    size = sum(view.shape.num_elements() * view.dtype.size for view in views.values())
    return max(1, min(os.cpu_count() or 1, BUDGET // size))
