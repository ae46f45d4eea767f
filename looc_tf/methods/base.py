"""What every method is: three verbs around the library's one `train_step`."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow import keras

from looc_tf.distribute import replicas
from looc_tf.models import Encoder

Batch = dict[str, Any]


class Method(keras.Model):
    """A way to train an encoder from views, as a Keras model: `compile(optimizer)`, then `fit(batches)`.

    A subclass fills in three verbs: `targets`, what the step compares with, outside of the gradient; `compare`, the
    losses; `commit`, what to remember after the step. A batch is `{"views": {name: [B, H, W, 3] in [0, 1]}, ...}`.

    Args:
        encoder: what is trained, and what `call`, `predict` and the export use.
    """

    def __init__(self, encoder: Encoder, **options):
        super().__init__(**options)
        self.encoder = encoder
        self.meters: dict[str, keras.metrics.Mean] = {}

    def targets(self, batch: Batch) -> Any:
        """What the views are compared with; no gradient reaches it."""
        return None

    def compare(self, batch: Batch, targets: Any) -> tuple[dict[str, tf.Tensor], Any]:
        """The losses, name -> `[B]`, of which the training loss is the mean; and what `commit` is to remember."""
        raise NotImplementedError(f"{type(self).__name__} must say what it compares.")

    def commit(self, remembered: Any) -> None:
        """Called once after each optimizer step."""

    def learned(self) -> list[tf.Variable]:
        """The variables that the optimizer moves."""
        return self.encoder.trainable_variables

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step: targets, losses, gradients, optimizer, memory. The loss is a mean over the global batch."""
        targets = self.targets(batch)
        with tf.GradientTape() as tape:
            losses, remembered = self.compare(batch, targets)
            each = tf.add_n(list(losses.values())) / len(losses)
            # The optimizer sums gradients over replicas: dividing by the global batch makes the sum a mean.
            loss = tf.reduce_sum(each) / tf.cast(tf.shape(each)[0] * replicas(), each.dtype)
            scaled = self.optimizer.get_scaled_loss(loss) if self._scales_loss else loss
        gradients = tape.gradient(scaled, self.learned())
        if self._scales_loss:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        self.optimizer.apply_gradients(zip(gradients, self.learned()))
        self.commit(remembered)
        self.record("loss", each)
        return {name: meter.result() for name, meter in self.meters.items()}

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
