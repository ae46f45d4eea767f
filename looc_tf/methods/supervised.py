"""The supervised baseline: the same backbone and views, trained on labels."""

from __future__ import annotations

import tensorflow as tf
from tensorflow import keras

from looc_tf.methods.base import Batch, Method
from looc_tf.models import Encoder


class Supervised(Method):
    """Cross-entropy of a linear classifier on the trunk's features of the view `query`.

    Args:
        encoder: without heads.
        classes: how many labels there are.
    """

    def __init__(self, encoder: Encoder, classes: int, **options):
        super().__init__(encoder, **options)
        self.classifier = keras.layers.Dense(classes, dtype="float32", name="classifier")
        self.classifier(self.encoder(tf.zeros([1, 32, 32, 3]))["trunk"])
        self.meter("loss", "accuracy")

    def compare(self, batch: Batch, targets: tuple[()]) -> tuple[dict[str, tf.Tensor], tuple[()]]:
        logits = self.classifier(self.encoder(batch["views"]["query"], training=True)["trunk"])
        self.record("accuracy", tf.cast(tf.argmax(logits, axis=1) == batch["label"], tf.float32))
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=batch["label"], logits=logits)
        return {"label": loss}, ()

    def learned(self) -> list[tf.Variable]:
        return self.encoder.trainable_variables + self.classifier.trainable_variables
