"""What every method is: three verbs around the library's one `train_step`, and what it declares of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from looc_tf.distribute import gather, replicas
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.memory import Fifo
from looc_tf.methods import fitting, saving
from looc_tf.methods.declared import Declared
from looc_tf.methods.parts import concat_parts, map_in_parts
from looc_tf.models import Encoder
from looc_tf.models.inputs import UnitImages

Batch = dict[str, Any]
RECENT = 1024  # rows that the rank of a space is taken over


class Method(Declared, UnitImages, keras.Model):
    """A way to train an encoder from views, as a Keras model: `compile(optimizer)`, then `fit(batches)`.

    A subclass fills in three verbs: `targets`, what the step compares with, outside of the gradient; `compare`, the
    losses; `commit`, what to remember after the step. A batch is `{"views": {name: [B, H, W, 3] in [0, 1]}, ...}`.
    What it declares of itself stands in `Declared`. Nothing outside of this room knows which method it is.

    Args:
        encoder: what is trained, and what `call` and `predict` use.
        accumulate: parts of a batch, taken one after another to save memory; the optimizer takes one step for all.
        watch: names of embeddings that `commit` is given, of which it keeps the last rows for `watched`.

    Attributes:
        against_collapse: what to try when embeddings become one point, for people.
        ended_early: whether a training ended by its own patience.

    Example:
        >>> from looc_tf import config
        >>> class Alike(Method):
        ...     def compare(self, batch, targets):
        ...         one, other = (self(batch["views"][name], training=True)["all"] for name in ("query", "all"))
        ...         return {"all": 2 - 2 * tf.reduce_sum(one * other, axis=1)}, {}
        >>> method = Alike(Encoder(config.Model(width=4), ["all"]))
        >>> views = {"query": tf.zeros([4, 32, 32, 3]), "all": tf.ones([4, 32, 32, 3])}
        >>> losses, remembered = method.compare({"views": views}, targets=())
        >>> losses["all"].shape
        TensorShape([4])
    """

    ended_early: bool = False
    against_collapse: str = "Lower optimizer.learning_rate, or let the views vary more."

    def __init__(self, encoder: Encoder, *, accumulate: int = 1, watch: Sequence[str] = (), **options):
        super().__init__(**options)
        if not isinstance(encoder, Encoder):
            raise UserError(
                f"Expected {type(self).__name__}(encoder, ...) with a looc_tf.Encoder. Received a "
                f"{type(encoder).__name__}: it can be the trunk, Encoder(config.Model(), spaces, backbone=network)."
            )
        self.encoder, self.accumulate = encoder, accumulate
        self.built = True  # its parts are, before the first step: Keras may summarize it at once
        # A running mean is of all replicas already; Keras would add up what the machines of a cluster report.
        self.distribute_reduction_method = "first"
        self.meters: dict[str, keras.metrics.Mean] = {}
        if watch:
            self.recent = {name: Fifo(name, rows=RECENT, dimension=encoder.dimension(name)) for name in watch}
            self.meter(*(f"{name}/spread" for name in watch))

    @property
    def final(self) -> keras.Model:
        """The network that is evaluated and exported, by default the encoder."""
        return self.encoder

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes that `final` gives `probabilities` of, in their order; by default none."""
        return ()

    def encoders(self) -> dict[str, Encoder]:
        """The networks that a training may begin with instead of random ones, by the attributes that hold them."""
        return {"encoder": self.encoder}

    def slow_copies(self) -> list[keras.Model]:
        """What follows other networks and is moved by no gradient."""
        return []

    def watched(self) -> dict[str, np.ndarray]:
        """Recent rows `[N, D]` of each embedding whose collapse would go unnoticed in the loss."""
        return {name: recent.recent(RECENT) for name, recent in getattr(self, "recent", {}).items()}

    def chance(self) -> dict[str, float]:
        """The loss of guessing, for each loss of which it is known: that of identical embeddings."""
        return {}

    def remarks(self) -> list[str]:
        """What a person should know before such a training begins, a line each; by default nothing."""
        return []

    def targets(self, batch: Batch) -> Any:
        """What the views are compared with, `[B, ...]`; no gradient reaches it. By default nothing."""
        return ()

    def compare(self, batch: Batch, targets: Any) -> tuple[dict[str, tf.Tensor], Any]:
        """The losses, name -> `[B]`, of which the training loss is the mean; what `commit` is to remember, `[B, ...]`.

        With `accumulate` it sees the batch in parts, after `targets` has seen all of it.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what it compares.")

    def commit(self, remembered: Any) -> None:
        """Called once after each optimizer step. By default it takes name -> `[B, D]` of the embeddings to watch."""
        for name, rows in dict(remembered).items():
            gathered = gather(rows)
            self.recent[name].commit(gathered)
            self.record_spread(name, gathered)

    def drawn(self, batch: Batch, view: str) -> dict[str, dict[str, tf.Tensor]]:
        """What was drawn for a view, augmentation -> parameters; its plan must be `recorded`."""
        if "parameters" not in batch:
            raise UserError(
                f"Method {self.name!r} reads what was drawn. Received batches without it: make them by the plan of "
                "its experiment, or by a ViewPlan(..., recorded=True)."
            )
        return batch["parameters"][view]

    def trained_variables(self) -> list[tf.Variable]:
        """The variables that the optimizer moves: all but those of slow copies."""
        slow = {id(variable) for copy in self.slow_copies() for variable in copy.trainable_variables}
        return [variable for variable in self.trainable_variables if id(variable) not in slow]

    def steer(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """What the optimizer is given for this replica's gradients, which it adds up over all; by default they."""
        return gradients

    def undecayed(self) -> list[tf.Variable]:
        """Trained variables that no weight decay should move; by default it moves all."""
        return []

    def fit(
        self,
        x: Any = None,
        y: None = None,
        batch_size: None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        **options,
    ) -> keras.callbacks.History:
        """`fit` of Keras, on batches of views.

        Several epochs over `training_batches` are parts of the one training that these hold: each goes on where the
        last one stopped, unless `steps_per_epoch` says how long they are. Steps behind the end of the learning rate's
        schedule, and views that were seen before, are warned of.

        Args:
            x: `training_batches`, or a data set of `{"views": {name: [B, H, W, 3]}, ...}`.
            y, batch_size: nothing; a batch holds its labels, and is one already.
            epochs, verbose, callbacks, options: of Keras.

        Raises:
            UserError: other than such a data set; batches that devices cannot share; a callback that saves methods.
        """
        fitting.check_batches(x, y)
        fitting.check_dealt(x, self.distribute_strategy.num_replicas_in_sync)
        saving.check_callbacks(callbacks)
        fitting.warn_of_repeated_views(x, int(self.optimizer.iterations.numpy()))
        if options.get("steps_per_epoch") is None:
            options["steps_per_epoch"] = fitting.steps_of_epoch(x, epochs - options.get("initial_epoch", 0))
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = [*tf.nest.flatten(callbacks or []), fitting.ScheduleEnd()]
        return super().fit(x, y, batch_size, epochs, verbose, callbacks, **options)

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step: targets, losses, gradients, optimizer, memory. The loss is a mean over the global batch."""
        results = map_in_parts(lambda part: self.learn(*part), (batch, self.targets(batch)), self.accumulate)
        gradients, each, remembered = zip(*results)
        self.move([tf.add_n(parts) for parts in zip(*gradients)])
        self.commit(concat_parts(remembered))
        self.record("loss", concat_parts(each))
        return {name: meter.result() for name, meter in self.meters.items()}

    def learn(self, batch: Batch, targets: Any) -> tuple[list[tf.Tensor], tf.Tensor, Any]:
        """The gradients of a part of the batch, its losses `[b]`, what it wants remembered."""
        with tf.GradientTape() as tape:
            losses, remembered = self.compare(batch, targets)
            each = tf.add_n(list(losses.values())) / len(losses)
            # The optimizer sums gradients over replicas: dividing by the global batch makes the sum a mean.
            loss = tf.reduce_sum(each) / tf.cast(tf.shape(each)[0] * self.accumulate * replicas(), each.dtype)
            scaled = self.optimizer.get_scaled_loss(loss) if self._scales_loss else loss
        return tape.gradient(scaled, self.trained_variables()), each, remembered

    def move(self, gradients: list[tf.Tensor]) -> None:
        if self._scales_loss:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        self.optimizer.apply_gradients(zip(self.steer(gradients), self.trained_variables()))

    def save(self, filepath: Any, *arguments: Any, **options: Any) -> None:
        """Refused, with what to save instead."""
        raise UserError(saving.HOW_TO_SAVE)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, save_format: str | None = None, options: Any = None
    ) -> None:
        """All weights, queues included: `x.weights.h5` or `x.h5`, else TensorFlow's own format."""
        save = super().save_weights
        if saving.is_plain_h5(filepath, save_format):
            return saving.save_plain(filepath, overwrite, save)
        return save(filepath, overwrite=overwrite, save_format=save_format, options=options)

    def load_weights(self, filepath: Any, *arguments: Any, **options: Any) -> Any:
        """The inverse of `save_weights`."""
        load = super().load_weights
        if saving.is_plain_h5(filepath):
            return saving.load_plain(filepath, load)
        return load(filepath, *arguments, **options)

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Refused: a loss on held-out views says little of a representation, and would need a memory of its own."""
        raise NotImplementedError(
            "A method is measured by its embeddings: `call`, `predict`, or `looc_tf.evaluate`. There is no "
            "`evaluate` of Keras, and no `validation_data` of `fit`."
        )

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Embed pictures `[B, H, W, 3]`, floats in [0, 1] or uint8: `trunk` and every space, see `Encoder`."""
        return self.final(images, training=training)

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(f"Two methods are built from one experiment: build_method. {saving.HOW_TO_SAVE}")

    def meter(self, *names: str) -> None:
        """Make the running means that `record` fills, under the strategy's scope and before the first step."""
        self.meters = {**self.meters, **{name: keras.metrics.Mean(name) for name in names}}

    def record(self, name: str, values: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Add values, of equal or of given weights, to a running mean that a step reports."""
        self.meters[name].update_state(tf.stop_gradient(values), weights)

    def record_spread(self, name: str, rows: tf.Tensor) -> None:
        """1 when the unit vectors of the global batch lie evenly on the sphere, 0 when all are one vector."""
        spread = tf.math.reduce_std(rows, axis=0) * tf.sqrt(tf.cast(tf.shape(rows)[1], rows.dtype))
        self.record(f"{name}/spread", spread)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means, which Keras resets at the start of an epoch."""
        return list(self.meters.values())

    @property
    def _scales_loss(self) -> bool:
        return isinstance(self.optimizer, keras.mixed_precision.LossScaleOptimizer)
