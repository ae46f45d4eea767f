"""Fine-tuning: a trunk that was trained before learns to name the classes of few or of many labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.data import Source
from looc_tf.data.splits import stable_hash
from looc_tf.distribute import update_from_replicas
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.methods.base import Batch
from looc_tf.methods.facts import Facts
from looc_tf.methods.networks import build_encoder
from looc_tf.methods.supervised import Supervised
from looc_tf.models import Encoder
from looc_tf.models.inputs import UnitImages
from looc_tf.representations import PROBABILITIES, QUERY, TRUNK


@dataclass(frozen=True)
class Settings(config.Method):
    """Of how many labels, and how far the trunk may go."""

    name: str = "finetune"
    fraction: float = 1.0  # of the labelled pictures of each class, at least one; which ones hangs on the seed
    trunk_rate: float = 1.0  # learning rate of the trunk, as a share of the head's; 0 freezes it, statistics and all
    patience: int = 0  # end after so many validation readings without a better one; 0 takes all steps


@keras.saving.register_keras_serializable(package="looc_tf")
class Classified(UnitImages, keras.Model):
    """An encoder and a linear classifier on its trunk: `trunk`, and the `probabilities` of the classes.

    It is saved, loaded and copied like any model of Keras, see `Encoder`: `load_run(RUN).method.final.save("f.keras")`.

    Args:
        encoder: without heads.
        classifier: gives logits, float32.
    """

    def __init__(self, encoder: Encoder, classifier: keras.layers.Layer, name: str = "classified"):
        super().__init__(name=name)
        self.encoder, self.classifier = encoder, classifier
        classifier(tf.zeros([1, encoder.dimension(TRUNK)]))  # before it is a part: its weights have names of their own
        height, width = encoder.shared.input_shape[1:3]
        self(tf.zeros([1, height or 32, width or 32, encoder.channels]))  # a SavedModel needs a shape

    @property
    def heads(self) -> dict[str, keras.Model]:
        """Those of the encoder."""
        return self.encoder.heads

    def call(self, images: tf.Tensor, training: bool = False, maps: Sequence[str] = ()) -> dict[str, tf.Tensor]:
        """`trunk` and `probabilities` of pictures `[B, H, W, 3]` in [0, 1]; `maps` as of the encoder."""
        outputs = self.encoder(images, training=training, maps=maps)
        return {**outputs, PROBABILITIES: tf.nn.softmax(self.classifier(outputs[TRUNK]), axis=1)}

    def get_config(self) -> dict[str, Any]:
        """What `from_config` builds it of again."""
        parts = {"encoder": self.encoder, "classifier": self.classifier}
        saved = {part: keras.saving.serialize_keras_object(layer) for part, layer in parts.items()}
        saved["classifier"].pop("build_config", None)  # or its weights would have other names
        return {"name": self.name, "trainable": self.trainable, **saved}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Classified:
        """The inverse of `get_config`, with freshly drawn weights."""
        # Of `keras.layers`: what a SavedModel says of a layer of Keras has no module.
        encoder, classifier = (keras.layers.deserialize(config[p], custom_objects) for p in ("encoder", "classifier"))
        classified = cls(encoder, classifier, name=config["name"])
        classified._trainable = config["trainable"]  # of itself alone: the setter reaches into its parts
        return classified


class FineTune(Supervised):
    """Cross-entropy of a new linear classifier on a trunk that begins with the weights of another run.

    The trunk takes `trunk_rate` of each step that the optimizer would let it take, whatever optimizer that is; at 0 it
    stands still, running statistics included, and what is learned is a linear classifier of frozen features. The
    training ends with the weights of its best accuracy on the validation part.

    Args:
        encoder: without heads.
        classes: how many labels there are.
        trunk_rate: between 0 and 1.
        names: of the classes.

    Example:
        >>> encoder = Encoder(config.Model(width=4), [])
        >>> method = FineTune(encoder, classes=3, names=("disc", "bar", "ring"))
        >>> {name: tuple(rows.shape) for name, rows in method(tf.zeros([2, 32, 32, 3])).items()}
        {'trunk': (2, 32), 'probabilities': (2, 3)}
    """

    Settings = Settings
    reading = "validation"
    ends_with_best = True

    def __init__(
        self, encoder: Encoder, classes: int, *, trunk_rate: float = 1.0, names: tuple[str, ...] = (), **options
    ):
        super().__init__(encoder, classes, **options)
        self.trunk_rate = trunk_rate
        self._names = "\0".join(names or map(str, range(classes)))  # a tuple would become a node of every checkpoint
        self.classified = Classified(encoder, self.classifier)
        encoder.trainable = trunk_rate > 0

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        settings = experiment.method
        if not 0 < settings.fraction <= 1:
            raise UserError(
                f"method.fraction should be above 0 and at most 1, the share of the labels of each class. "
                f"Received {settings.fraction}."
            )
        config.fraction(experiment, "method.trunk_rate")
        if settings.patience < 0:
            raise UserError(f"method.patience should be 0 or more. Received {settings.patience}.")

    @classmethod
    def pictures(cls, experiment: Experiment, source: Source) -> Source:
        """The labelled ones, of each class a fraction."""
        labels = source.labels["label"]
        present = np.unique(labels[labels >= 0])
        if len(present) < 2:
            found = f"one, {source.fields['label'][present[0]]!r}" if len(present) else "no label"
            raise UserError(
                f"Fine-tuning needs pictures of two classes at least. Received {found} in {source.name!r} "
                f"({source.split}). Put the pictures into class folders, or give labels with the records."
            )
        return source.take(fraction_of_each(labels, source.ids, experiment.method.fraction, experiment.seed))

    @classmethod
    def patience(cls, experiment: Experiment) -> int:
        return experiment.method.patience

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> FineTune:
        if not facts.classes:
            raise UserError(
                "The method 'finetune' needs labels. Received pictures without; put them into class folders."
            )
        return cls(
            build_encoder(experiment, [], backbone),
            facts.classes,
            trunk_rate=experiment.method.trunk_rate,
            names=facts.names,
            accumulate=experiment.training.accumulate,
            name=experiment.method.name,
        )

    @property
    def final(self) -> keras.Model:
        return self.classified

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self._names.split("\0"))

    def features(self, batch: Batch) -> tf.Tensor:
        return self.encoder(batch["views"][QUERY], training=self.trunk_rate > 0)[TRUNK]

    def move(self, gradients: list[tf.Tensor]) -> None:
        if self.trunk_rate in (0.0, 1.0):
            super().move(gradients)
            return
        trunk = self.encoder.trainable_variables
        before = [tf.identity(variable) for variable in trunk]
        super().move(gradients)
        update_from_replicas(trunk, before, self._part_of_the_way)

    def _part_of_the_way(self, variable: tf.Variable, before: tf.Tensor) -> None:
        variable.assign(before + self.trunk_rate * (variable - before))


def fraction_of_each(labels: np.ndarray, ids: list[str], fraction: float, seed: int) -> np.ndarray:
    """Rows, in order, of a fraction of the pictures of each class, at least one: those whose ids hash lowest.

    A smaller fraction of one seed is part of a larger one; another seed chooses by another hash. Rows with label -1
    belong to no class.

    >>> fraction_of_each(np.array([0, 0, 0, 0, 1, -1]), list("abcdef"), 0.5, seed=0).tolist()
    [0, 1, 4]
    """
    hashes = stable_hash(np.array(ids, object), f"finetune {seed}:")
    chosen = []
    for label in np.unique(labels[labels >= 0]):
        rows = np.flatnonzero(labels == label)
        count = max(1, round(fraction * len(rows)))
        chosen.append(rows[np.argsort(hashes[rows], kind="stable")[:count]])
    return np.sort(np.concatenate(chosen))
