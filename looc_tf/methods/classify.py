"""Methods whose loss is that of a classifier: of labels, or of a pretext that the pictures pose themselves."""

from __future__ import annotations

import tensorflow as tf

from looc_tf.keras2 import keras
from looc_tf.methods.base import Batch, Method
from looc_tf.models import Encoder
from looc_tf.representations import TRUNK


class Classify(Method):
    """Cross-entropy of a linear classifier. A subclass says in `asked` what it reads, and what that is.

    Args:
        encoder: without heads.
        classes: how many answers there are.
        inputs: the length of a row that is read; by default that of the trunk's features.
    """

    def __init__(self, encoder: Encoder, classes: int, *, inputs: int | None = None, **options):
        super().__init__(encoder, **options)
        self.classifier = keras.layers.Dense(classes, dtype="float32", name="classifier")
        self.classifier(tf.zeros([1, inputs or encoder.dimension(TRUNK)]))
        self.meter("loss", "accuracy")

    def asked(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Rows for the classifier `[k B, F]`, the first of each picture, then the second of each; their answers
        `[k B]`, below 0 where there is none, which costs nothing."""
        raise NotImplementedError(f"{type(self).__name__} must say what it asks.")

    def targets(self, batch: Batch) -> tf.Tensor:
        """`[B]`, how much each picture counts: equally."""
        return tf.ones_like(batch["label"], tf.float32)

    def compare(self, batch: Batch, targets: tf.Tensor) -> tuple[dict[str, tf.Tensor], tuple[()]]:
        rows, answers = self.asked(batch)
        logits, known = self.classifier(rows), answers >= 0
        right = tf.argmax(logits, axis=1, output_type=answers.dtype) == answers
        self.record("accuracy", tf.cast(right, tf.float32), weights=tf.cast(known, tf.float32))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(known, answers, 0), logits)
        losses = tf.where(known, losses, 0.0)
        each = tf.reduce_mean(tf.reshape(losses, [-1, tf.shape(targets)[0]]), axis=0)
        return {"answer": targets * each}, ()
