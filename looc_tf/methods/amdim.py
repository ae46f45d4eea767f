"""AMDIM: Deep InfoMax over scales and views (Bachman, Hjelm, Buchwalter, NeurIPS 2019, arXiv 1906.00910)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Augmentation, Flip
from looc_tf.config import Experiment
from looc_tf.distribute import own_rows, replicas
from looc_tf.keras2 import keras
from looc_tf.methods import local
from looc_tf.methods.base import Batch
from looc_tf.methods.facts import Facts
from looc_tf.methods.local import Local, in_a_row, residual_head, spread
from looc_tf.methods.networks import build_encoder
from looc_tf.models import Encoder
from looc_tf.representations import QUERY, TRUNK
from looc_tf.views import Space, ViewPlan, leave_one_out

OTHER = "all"  # the second view
FINE, COARSE = "stage3", "stage4"


@dataclass(frozen=True)
class Settings(local.Settings):
    """Of the networks behind the maps, and of the contrast."""

    name: str = "amdim"
    clip: float = 20.0  # scores stay within it
    shrink: float = 0.05  # weight of the mean square of the scores


class AMDIM(Local):
    """The trunk of each of two views is contrasted with the places of two stages of the other, and a place of the
    coarser stage with those of the same stage.

    Views share whether they are mirrored where the chain has a `flip`. The paper's networks have no padding, so that
    places see little; here they are a ResNet's `stage3` and `stage4`.

    Example:
        >>> import looc_tf
        >>> method = looc_tf.build_method(looc_tf.load_config("factors/looc", ["model.width=4"], method="amdim"))
        >>> sorted(method.of_places), method.clip
        (['stage3', 'stage4'], 20.0)
    """

    Settings: ClassVar[type[config.Method]] = Settings

    directions = 2

    def __init__(
        self,
        encoder: Encoder,
        kind: str,
        *,
        hidden: int,
        dimension: int,
        clip: float,
        shrink: float,
        seed: int,
        most: int,
        **options,
    ):
        super().__init__(encoder, kind, **options)
        self.clip, self.shrink, self.root, self.seed, self.most = clip, shrink, dimension**0.5, seed, most
        self.of_places = {
            stage: residual_head(stage, encoder.map_channels(stage), hidden, dimension, normalized=True)
            for stage in (FINE, COARSE)
        }
        self.of_picture = residual_head("of_picture", encoder.dimension(TRUNK), hidden, dimension)

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        shared = tuple(name for name, each in chain.items() if isinstance(each, Flip))
        return leave_one_out(chain, [Space(OTHER, shared)], shuffled=False)

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.positive(experiment, "method.clip")
        config.between(experiment, 0, 1000, "method.shrink")

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> AMDIM:
        settings, dimension = experiment.method, experiment.model.dimension
        given = {"clip": settings.clip, "shrink": settings.shrink, "seed": experiment.seed, "name": settings.name}
        widths = {"hidden": settings.hidden, "dimension": dimension, "most": settings.places}
        return cls(build_encoder(experiment, [], backbone), settings.objective, **widths, **given)

    def bounded(self, scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.clip * tf.tanh(scores / self.clip), self.shrink * tf.reduce_mean(scores**2, axis=[1, 2])

    def pairs(self, batch: Batch) -> list[tuple[tf.Tensor, tf.Tensor]]:
        views = [batch["views"][name] for name in (QUERY, OTHER)]
        outputs = self.encoder(tf.concat(views, axis=0), training=True, maps=[FINE, COARSE])
        whole = tf.split(self.of_picture(outputs[TRUNK][:, None, None])[:, 0, 0] / self.root, 2)
        maps = (self.of_places[stage](spread(outputs[stage], self.most)) for stage in (FINE, COARSE))
        fine, coarse = (tf.split(in_a_row(each), 2) for each in maps)
        found = []
        for one, other in ((0, 1), (1, 0)):
            picked = tf.gather(coarse[one], self.drawn_places(coarse[one]), batch_dims=1) / self.root
            found += [(whole[one], fine[other]), (whole[one], coarse[other]), (picked, coarse[other])]
        return found

    def drawn_places(self, found: tf.Tensor) -> tf.Tensor:
        """For each picture one of the places `[B, L, D]`, of seed and step: the same on all replicas."""
        seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(self.optimizer.iterations, tf.int64)])
        pictures = replicas() * tf.shape(found)[0]
        drawn = tf.random.stateless_uniform([pictures], seed, maxval=found.shape[1], dtype=tf.int32)
        return own_rows(drawn, found)
