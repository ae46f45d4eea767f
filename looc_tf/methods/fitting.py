"""What `Method.fit` sees to before Keras begins: batches of views, epochs that go on, a schedule long enough."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from looc_tf.errors import UserError
from looc_tf.keras2 import keras

log = logging.getLogger(__name__)

REMEDY = (
    "Of arrays, lists or a data set make a source, looc_tf.source_of(images, labels), and of the source batches: "
    "looc_tf.training_batches(source, plan, batch=..., steps=...)."
)


def check_batches(batches: Any, labels: Any) -> None:
    """Raises a `UserError` for anything but batches `{"views": {name: [B, H, W, 3]}, ...}`, and for labels beside them.

    Neither a generator nor a `keras.utils.Sequence` will do: Keras calls the model on what they give first.
    """
    if labels is not None:
        raise UserError(f"Expected batches of views, which hold their labels. Received labels beside them. {REMEDY}")
    element = getattr(batches, "element_spec", batches)
    if not isinstance(element, Mapping) or not isinstance(element.get("views"), Mapping):
        raise UserError(f"Expected batches of views. Received {type(batches).__name__}. {REMEDY}")


def check_dealt(batches: Any, devices: int) -> None:
    """Raises a `UserError` where a batch cannot be dealt to the devices in equal parts: their first exchange would end
    in an error after which the process can train nothing any more."""
    if not isinstance(batches, tf.data.Dataset):  # what was dealt out already has part of the rows
        return
    spec = batches.element_spec
    order = spec.get("order") if isinstance(spec, Mapping) else None
    rows = order.shape[0] if isinstance(order, tf.TensorSpec) and order.shape.rank else None
    if rows and rows % devices:
        raise UserError(
            f"A batch of {rows} pictures cannot be dealt to {devices} devices in equal parts. "
            f"Use a multiple of {devices}."
        )


def steps_of_epoch(batches: Any, epochs: int) -> int | None:
    """Steps of each of several epochs over `training_batches`; None where Keras is to decide.

    They hold a whole training, which each epoch goes on with: begun anew, they would give the same views again.
    """
    steps = getattr(batches, "training_steps", None)
    if steps is None or epochs < 2:
        return None
    if len(steps) < epochs:
        raise UserError(f"Expected at most an epoch for each of {len(steps)} steps. Received epochs={epochs}.")
    return len(steps) // epochs


def warn_of_repeated_views(batches: Any, done: int) -> None:
    """Says so where a method that has taken steps is given the views of these steps again."""
    steps = getattr(batches, "training_steps", None)
    if steps is not None and len(steps) and done > steps.start:
        log.warning(
            "%d steps were taken, and these batches begin at step %d: the same views again. "
            "Go on with training_batches(..., start=%d, steps=...), and an optimizer built for as many steps.",
            done,
            steps.start,
            done,
        )


class ScheduleEnd(keras.callbacks.Callback):
    """Warns once, as early as it is known, of steps behind the end of the learning rate's schedule."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.said = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        schedule = getattr(self.model.optimizer, "_learning_rate", None)  # its property gives the present value
        end = getattr(schedule, "last_step", None)
        if self.said or schedule is None or end is None:
            return
        done = int(self.model.optimizer.iterations.numpy())  # mirrored under a strategy, and no number then
        steps = done + (self.params.get("steps") or 1)
        if steps > end:
            self.said = True
            log.warning(
                "The schedule of the learning rate ends at step %d, and this training goes on to step %d; from there "
                "on the rate is %.3g. Build the optimizer for all steps: looc_tf.build_optimizer(settings, steps=%d).",
                end,
                steps,
                float(schedule(end)),
                steps,
            )
