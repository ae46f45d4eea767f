"""The supervised baseline: the same backbone and views, trained on labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Augmentation
from looc_tf.config import Experiment
from looc_tf.distribute import gather
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.methods.base import Batch
from looc_tf.methods.classify import Classify
from looc_tf.methods.facts import Facts
from looc_tf.methods.networks import build_encoder
from looc_tf.representations import QUERY, TRUNK
from looc_tf.views import ViewPlan, single


@dataclass(frozen=True)
class Settings(config.Method):
    """There is nothing to set."""

    name: str = "supervised"


class Supervised(Classify):
    """Cross-entropy of a linear classifier on the trunk's features of the view `query`.

    Pictures without a label (-1) do not count: the loss of a step is the mean over those of its batch that have one.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="supervised")
        >>> method = looc_tf.build_method(experiment, looc_tf.Facts(classes=12))
        >>> method.classifier.units
        12
    """

    Settings: ClassVar[type[config.Method]] = Settings

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        """One view, with every augmentation of the chain."""
        return single(chain)

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> Supervised:
        if not facts.classes:
            raise UserError(
                "The method 'supervised' needs labels. Received pictures without; put them into class folders."
            )
        parts = experiment.training.accumulate
        encoder = build_encoder(experiment, [], backbone)
        return cls(encoder, facts.classes, accumulate=parts, name=experiment.method.name)

    def targets(self, batch: Batch) -> tf.Tensor:
        """`[B]`, the weight of each picture: 0 without a label, else so that the mean is over those with one."""
        known = tf.cast(batch["label"] >= 0, tf.float32)
        everywhere = gather(known)
        return known * tf.cast(tf.size(everywhere), tf.float32) / tf.maximum(tf.reduce_sum(everywhere), 1.0)

    def features(self, batch: Batch) -> tf.Tensor:
        """What the classifier reads of a batch, `[B, F]`."""
        return self.encoder(batch["views"][QUERY], training=True)[TRUNK]

    def asked(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        return self.features(batch), batch["label"]
