"""SimCLR: contrast within the batch (Chen, Kornblith, Norouzi, Hinton, ICML 2020, arXiv 2002.05709)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.losses import TEMPERATURES
from looc_tf.methods.facts import Facts
from looc_tf.methods.pairs import Pairs, PairSettings
from looc_tf.methods.recipes import hidden, warmup
from looc_tf.objectives import InBatch
from looc_tf.views import Space, sibling_negatives


@dataclass(frozen=True)
class Settings(PairSettings):
    """Temperature, and how many small views there are beside the large ones (multi-crop; the paper has none)."""

    name: str = "simclr"
    temperature: float = 0.5
    local_views: int = 0


class SimCLR(Pairs):
    """NT-Xent: of each two views of a picture, either finds the other among both views of all pictures of the batch.

    Views of one size pass the encoder together, as in the authors' code, so that BatchNorm cannot tell them apart. The
    loss is the mean over both directions: half of what that code adds up. Small views meet the large ones alone, as
    Caron et al. 2020 (section 5) compare. In a space that shares something the picture's other keys stand in the
    denominator of both anchors.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="simclr")
        >>> method = looc_tf.build_method(experiment)
        >>> {name: round(loss, 2) for name, loss in method.chance().items()}  # of guessing
        {'all': 5.54, 'color': 5.55, 'rotation': 5.55}
    """

    Settings: ClassVar[type[PairSettings]] = Settings
    recipe: ClassVar[Mapping[str, Any]] = {
        "model.head": "batch_norm_mlp",
        "model.hidden": hidden(1),
        "model.batch_norm": "sync",  # or a replica's statistics would tell which rows are one picture's
        "optimizer.weight_decay": 5e-4,
        "optimizer.warmup_steps": warmup,
    }
    needs_whole_batch = together = small_are_found = True

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.between(experiment, *TEMPERATURES, "method.temperature")
        config.between(experiment, 2, math.inf, "training.batch")  # the other pictures are the negatives

    @classmethod
    def objective(cls, experiment: Experiment, space: Space, facts: Facts) -> InBatch:
        siblings = len(sibling_negatives(experiment.method.spaces)[space.name])
        return InBatch(space.name, experiment.method.temperature, experiment.training.batch, siblings)
