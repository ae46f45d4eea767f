"""What every method is: three verbs around the library's one `train_step`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow import keras

from looc_tf.distribute import replicas
from looc_tf.models import Encoder

Batch = dict[str, Any]


def in_turn(function: Callable[[Any], Any], rows: Any, parts: int) -> list[Any]:
    """The results of a function over equal parts of some rows, each part after the one before it is done.

    Args:
        function: takes what `rows` is, shorter.
        rows: a structure of tensors `[b, ...]`.
        parts: how many; they divide b.
    """
    if parts == 1:
        return [function(rows)]
    results: list[Any] = []
    for part in zip(*(tf.split(each, parts) for each in tf.nest.flatten(rows))):
        before = tf.nest.flatten(results[-1:])
        with tf.control_dependencies(before):  # or the graph would hold the activations of all parts at once
            waiting = [tf.identity(each) for each in part]
        results.append(function(tf.nest.pack_sequence_as(rows, waiting)))
    return results


def joined(results: Sequence[Any]) -> Any:
    """The rows of all parts in one structure, as `function` would have given them for all at once."""
    return results[0] if len(results) == 1 else tf.nest.map_structure(lambda *each: tf.concat(each, axis=0), *results)


class Method(keras.Model):
    """A way to train an encoder from views, as a Keras model: `compile(optimizer)`, then `fit(batches)`.

    A subclass fills in three verbs: `targets`, what the step compares with, outside of the gradient; `compare`, the
    losses; `commit`, what to remember after the step. A batch is `{"views": {name: [B, H, W, 3] in [0, 1]}, ...}`.

    Args:
        encoder: what is trained, and what `call`, `predict` and the export use.
        parts: of a batch, taken one after another to save memory; the optimizer takes one step for all.
    """

    def __init__(self, encoder: Encoder, *, parts: int = 1, **options):
        super().__init__(**options)
        self.encoder, self.parts = encoder, parts
        # A running mean is of all replicas already; Keras would add up what the machines of a cluster report.
        self.distribute_reduction_method = "first"
        self.meters: dict[str, keras.metrics.Mean] = {}

    def targets(self, batch: Batch) -> Any:
        """What the views are compared with, `[B, ...]`; no gradient reaches it. By default nothing."""
        return ()

    def compare(self, batch: Batch, targets: Any) -> tuple[dict[str, tf.Tensor], Any]:
        """The losses, name -> `[B]`, of which the training loss is the mean; what `commit` is to remember, `[B, ...]`.

        With `parts` it sees the batch in parts, after `targets` has seen all of it.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what it compares.")

    def commit(self, remembered: Any) -> None:
        """Called once after each optimizer step."""
        return  # a function of nothing but its docstring is more than AutoGraph can read, and it says so

    def learned(self) -> list[tf.Variable]:
        """The variables that the optimizer moves."""
        return self.encoder.trainable_variables

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step: targets, losses, gradients, optimizer, memory. The loss is a mean over the global batch."""
        results = in_turn(lambda part: self._learn(*part), (batch, self.targets(batch)), self.parts)
        gradients, each, remembered = zip(*results)
        self._apply([tf.add_n(parts) for parts in zip(*gradients)])
        self.commit(joined(remembered))
        self.record("loss", joined(each))
        return {name: meter.result() for name, meter in self.meters.items()}

    def _learn(self, batch: Batch, targets: Any) -> tuple[list[tf.Tensor], tf.Tensor, Any]:
        """The gradients of a part of the batch, its losses `[b]`, what it wants remembered."""
        with tf.GradientTape() as tape:
            losses, remembered = self.compare(batch, targets)
            each = tf.add_n(list(losses.values())) / len(losses)
            # The optimizer sums gradients over replicas: dividing by the global batch makes the sum a mean.
            loss = tf.reduce_sum(each) / tf.cast(tf.shape(each)[0] * self.parts * replicas(), each.dtype)
            scaled = self.optimizer.get_scaled_loss(loss) if self._scales_loss else loss
        return tape.gradient(scaled, self.learned()), each, remembered

    def _apply(self, gradients: list[tf.Tensor]) -> None:
        if self._scales_loss:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        self.optimizer.apply_gradients(zip(gradients, self.learned()))

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """None: a loss on held-out views says little of a representation, and would need queues of its own."""
        raise NotImplementedError(
            "A method is measured by its embeddings: `call`, `predict`, or `looc_tf.evaluate`. There is no "
            "`evaluate` of Keras, and no `validation_data` of `fit`."
        )

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Embed pictures `[B, H, W, 3]` in [0, 1]: `trunk` and every space, see `Encoder`."""
        return self.encoder(images, training=training)

    def meter(self, *names: str) -> None:
        """Make the running means that `record` fills, under the strategy's scope and before the first step."""
        self.meters = {**self.meters, **{name: keras.metrics.Mean(name) for name in names}}

    def record(self, name: str, values: tf.Tensor) -> None:
        """Add values to a running mean that a step reports."""
        self.meters[name].update_state(tf.stop_gradient(values))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means, which Keras resets at the start of an epoch."""
        return list(self.meters.values())

    @property
    def _scales_loss(self) -> bool:
        return isinstance(self.optimizer, keras.mixed_precision.LossScaleOptimizer)
