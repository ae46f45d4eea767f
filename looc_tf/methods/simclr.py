"""SimCLR: contrast within the batch (Chen, Kornblith, Norouzi, Hinton, ICML 2020, arXiv 2002.05709)."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf
from tensorflow import keras

from looc_tf import config
from looc_tf.augment import Augmentation, build_chain
from looc_tf.config import Experiment
from looc_tf.distribute import gather, own_rows
from looc_tf.losses import TEMPERATURES, in_batch, info_nce
from looc_tf.methods.base import Batch, Method
from looc_tf.methods.facts import Facts
from looc_tf.methods.few_values import Normalized, rows_of_queries
from looc_tf.methods.networks import build_encoder
from looc_tf.models import Encoder
from looc_tf.representations import QUERY
from looc_tf.views import ViewPlan, multicrop

SPACE = "all"  # the one space, which shares nothing; also the name of the other large view


@dataclass(frozen=True)
class Settings(config.Method):
    """Temperature, and how many small views there are beside the two large ones (multi-crop; the paper has none)."""

    name: str = "simclr"
    temperature: float = 0.5
    local_views: int = 0


class SimCLR(Method):
    """NT-Xent: of each two views of a picture, either finds the other among both views of all pictures of the batch.

    Views of one size pass the encoder together, as in the authors' code, so that BatchNorm cannot tell them apart. The
    loss is the mean over both directions: half of what that code adds up. Small views meet the large ones alone, as
    Caron et al. 2020 (section 5) compare.

    Args:
        encoder: with the one head `all`.
        batch: pictures of the global batch.
        temperature: of the softmax.
    """

    Settings = Settings
    needs_whole_batch = True

    def __init__(self, encoder: Encoder, batch: int, temperature: float, **options):
        super().__init__(encoder, watch=[SPACE], **options)
        self.batch, self.temperature = batch, temperature
        self.meter("loss", f"{SPACE}/loss", f"{SPACE}/accuracy")

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        return multicrop(chain, experiment.method.local_views)

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        config.between(experiment, *TEMPERATURES, "method.temperature")
        config.between(experiment, 0, 64, "method.local_views")
        config.between(experiment, 2, math.inf, "training.batch")  # the other pictures are the negatives

    @classmethod
    def normalized(cls, experiment: Experiment, devices: int) -> dict[str, Normalized]:
        """Views of one size pass the encoder together."""
        plan = cls.plan(experiment, build_chain(experiment.views.chain, experiment.views.size))
        sizes = Counter(plan.size(view, experiment.data.size) for view in plan.views)
        rows = rows_of_queries(experiment, devices)
        return {f"views of {size} px": Normalized(count * rows, size) for size, count in sizes.items()}

    @classmethod
    def heads(cls, experiment: Experiment) -> list[str]:
        return [SPACE]

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> SimCLR:
        encoder = build_encoder(experiment, [SPACE], backbone)
        return cls(encoder, experiment.training.batch, experiment.method.temperature, name=experiment.method.name)

    def chance(self) -> dict[str, float]:
        return {SPACE: math.log(2 * self.batch - 1)}

    def compare(self, batch: Batch, targets: tuple[()]) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        rows = {view: each[SPACE] for view, each in self.encoder.together(batch["views"], training=True).items()}
        everywhere = {view: gather(each) for view, each in rows.items()}
        own = own_rows(tf.eye(tf.shape(everywhere[QUERY])[0]), rows[QUERY]) > 0
        pairs = [pair for pair in itertools.permutations(rows, 2) if {QUERY, SPACE} & {*pair}]
        logits = {
            (one, two): in_batch(rows[one], rows[two], everywhere[one], everywhere[two], own, self.temperature)
            for one, two in pairs
        }
        loss = tf.add_n([info_nce(each) for each in logits.values()]) / len(pairs)
        self.record(f"{SPACE}/loss", loss)
        self.record(f"{SPACE}/accuracy", tf.cast(tf.argmax(logits[QUERY, SPACE], axis=1) == 0, tf.float32))
        return {SPACE: loss}, {SPACE: tf.stop_gradient(rows[QUERY])}
