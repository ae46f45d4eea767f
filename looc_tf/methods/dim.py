"""Deep InfoMax, local-global (Hjelm et al., ICLR 2019, arXiv 1808.06670)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Augmentation
from looc_tf.config import Experiment
from looc_tf.errors import unknown
from looc_tf.keras2 import keras
from looc_tf.methods import local
from looc_tf.methods.base import Batch
from looc_tf.methods.facts import Facts
from looc_tf.methods.local import Local, in_a_row, residual_head, spread
from looc_tf.methods.networks import build_encoder
from looc_tf.models import Encoder
from looc_tf.representations import QUERY, STAGES, TRUNK
from looc_tf.views import ViewPlan, single


@dataclass(frozen=True)
class Settings(local.Settings):
    """Of the networks behind the maps, and of the contrast."""

    name: str = "dim"
    stage: str = "stage3"  # whose map has the places


class DIM(Local):
    """What the trunk says of a view and what an early stage says of each of its places are to be of one picture.

    Without the paper's prior, an adversary on the trunk's features. At 32 px a place of `stage3` sees 25 pixels, one of
    `stage4` 53: the whole view.

    Example:
        >>> import looc_tf
        >>> method = looc_tf.build_method(looc_tf.load_config("factors/looc", ["model.width=4"], method="dim"))
        >>> method.of_places.output_shape, method.of_picture.output_shape
        ((None, None, None, 128), (None, None, None, 128))
    """

    Settings: ClassVar[type[config.Method]] = Settings

    def __init__(self, encoder: Encoder, kind: str, *, stage: str, most: int, hidden: int, dimension: int, **options):
        super().__init__(encoder, kind, **options)
        self.stage, self.most = stage, most
        self.of_places = residual_head("of_places", encoder.map_channels(stage), hidden, dimension, normalized=True)
        self.of_picture = residual_head("of_picture", encoder.dimension(TRUNK), hidden, dimension)

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        return single(chain)

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        if experiment.method.stage not in STAGES:
            raise unknown("method.stage", experiment.method.stage, STAGES)

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> DIM:
        settings, dimension = experiment.method, experiment.model.dimension
        widths = {"hidden": settings.hidden, "dimension": dimension}
        given = {"stage": settings.stage, "most": settings.places, "name": settings.name}
        return cls(build_encoder(experiment, [], backbone), settings.objective, **widths, **given)

    def pairs(self, batch: Batch) -> list[tuple[tf.Tensor, tf.Tensor]]:
        outputs = self.encoder(batch["views"][QUERY], training=True, maps=[self.stage])
        of_picture = self.of_picture(outputs[TRUNK][:, None, None])[:, 0, 0]
        return [(of_picture, in_a_row(self.of_places(spread(outputs[self.stage], self.most))))]
