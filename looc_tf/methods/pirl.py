"""PIRL: a picture and a puzzle of it find the picture's row in a bank (Misra, van der Maaten, CVPR 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Augmentation
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.methods import instdisc
from looc_tf.methods.base import Batch
from looc_tf.methods.few_values import Normalized
from looc_tf.methods.instdisc import InstDisc
from looc_tf.methods.of_patches import features_of, of_patches, puzzle_of, side_by_side
from looc_tf.methods.recipes import with_puzzle_beside
from looc_tf.representations import KEYS, TRUNK
from looc_tf.views import Space, ViewPlan, leave_one_out

PUZZLE = "puzzle"  # the second view


@dataclass(frozen=True)
class Settings(instdisc.Settings):
    """Of the bank, of what is chosen among, and how much the puzzle counts."""

    name: str = "pirl"
    objective: str = "pirl"
    temperature: float = 0.07
    weight: float = 0.5  # of the puzzle's loss; the picture's has the rest


class PIRL(InstDisc):
    """InstDisc, and a puzzle of the picture that is to find the picture's row too. No puzzle enters the bank.

    Of the puzzle, the trunk's features of each patch pass a linear layer, and these, side by side as the patches lie,
    another one. All patches of a puzzle have one draw of the color; the paper draws for each.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="pirl")
        >>> method = looc_tf.build_method(experiment, looc_tf.Facts(pictures=100))
        >>> plan = looc_tf.build_plan(experiment)
        >>> {view.name: list(plan.used(view)) for view in plan.views}
        {'query': ['crop', 'color', 'rotation'], 'puzzle': ['pieces', 'color', 'rotation', 'puzzle']}
    """

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = {
        **InstDisc.recipe,
        "model.head": "batch_norm_mlp",
        "optimizer.weight_decay": 1e-4,
        "views.chain": with_puzzle_beside,
    }

    def __init__(self, encoder, *given, across: int, weight: float, **options):
        super().__init__(encoder, *given, **options)
        self.across, self.weight, width = across, weight, encoder.dimension("all")
        self.of_each = keras.layers.Dense(width, name="of_each")
        self.of_all = keras.layers.Dense(width, name="of_all", dtype="float32")
        self.of_each(tf.zeros([1, encoder.dimension(TRUNK)]))
        self.of_all(tf.zeros([1, across**2 * width]))
        self.meter("puzzle/loss")

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        query, puzzle = leave_one_out(chain, [Space(PUZZLE)], shuffled=False).views
        return ViewPlan(chain, [query, replace(puzzle, positive=())])

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.fraction(experiment, "method.weight")
        name, puzzle = puzzle_of(experiment)
        if puzzle.only != (KEYS,):
            raise UserError(
                f"The method 'pirl' sees a picture and, beside it, a puzzle. Received views.chain.{name} with "
                f"only: {', '.join(puzzle.only) or 'all views'}. Set it to keys."
            )

    @classmethod
    def normalized(cls, experiment: Experiment, devices: int) -> dict[str, Normalized]:
        return {**super().normalized(experiment, devices), "patches": of_patches(experiment, devices)}

    @classmethod
    def options_of(cls, experiment: Experiment) -> dict[str, Any]:
        return {"across": puzzle_of(experiment)[1].cells, "weight": experiment.method.weight}

    def of_puzzle(self, images: tf.Tensor) -> tf.Tensor:
        """Unit rows of puzzles, `[B, D]`."""
        each = self.of_each(features_of(self.encoder, images, self.across))
        return tf.math.l2_normalize(self.of_all(side_by_side(each)), axis=1)

    def compare(self, batch: Batch, targets: Any) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        losses, remembered = super().compare(batch, targets)
        rows = self.of_puzzle(batch["views"][PUZZLE])
        puzzle, _ = self.banks["all"](rows, batch["picture"], self.optimizer.iterations)
        self.record("puzzle/loss", puzzle)
        return {"all": self.weight * puzzle + (1 - self.weight) * losses["all"]}, remembered
