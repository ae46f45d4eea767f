"""Spaces that share one entropy (Eastwood, von Kuegelgen, Ericsson et al. 2023, arXiv 2311.08815)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.distribute import gather, own_rows
from looc_tf.losses import TEMPERATURES
from looc_tf.methods.base import Batch
from looc_tf.methods.facts import Facts
from looc_tf.methods.pairs import Encoded, Pairs, PairSettings
from looc_tf.methods.simclr import SimCLR
from looc_tf.objectives import Aligned
from looc_tf.representations import QUERY
from looc_tf.views import Space


@dataclass(frozen=True)
class Settings(PairSettings):
    """The temperature of alignment and of entropy."""

    name: str = "joint"
    temperature: float = 0.5


class Joint(Pairs):
    """Leave-one-out's views without sibling negatives: each space aligns its pair, all together spread the pictures.

    The rows of a view in all spaces stand side by side, scaled to length 1; the mean over both views of the log of the
    summed `exp(similarity / temperature)` to those of all other pictures is added to the mean of the alignments.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="joint")
        >>> method = looc_tf.build_method(experiment)
        >>> [space.name for space in experiment.method.spaces], method.settings.temperature
        (['all', 'color', 'rotation'], 0.5)
    """

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = SimCLR.recipe
    needs_whole_batch = together = True

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.between(experiment, *TEMPERATURES, "method.temperature")
        config.between(experiment, 2, math.inf, "training.batch")  # the other pictures are what is spread

    @classmethod
    def objective(cls, experiment: Experiment, space: Space, facts: Facts) -> Aligned:
        return Aligned(space.name, experiment.method.temperature)

    def beside(self, batch: Batch, rows: Encoded) -> tf.Tensor:
        joint = [[rows[QUERY][name] for name in self.spaces], [rows[name][name] for name in self.spaces]]
        views = [tf.concat(each, axis=1) / len(self.spaces) ** 0.5 for each in joint]
        return crowding(views[0], views[1], self.settings.temperature)


def crowding(one: tf.Tensor, other: tf.Tensor, temperature: float) -> tf.Tensor:
    """How near each picture is to the others: `[B, D]` unit rows of two views -> `[B]`, over the global batch."""
    everywhere = [gather(one), gather(other)]
    own = own_rows(tf.eye(tf.shape(everywhere[0])[0]), one) > 0

    def of(view: tf.Tensor) -> tf.Tensor:
        near = [tf.where(own, view.dtype.min, tf.matmul(view, rows, transpose_b=True)) for rows in everywhere]
        return tf.reduce_logsumexp(tf.concat(near, axis=1) / temperature, axis=1)

    return (of(one) + of(other)) / 2
