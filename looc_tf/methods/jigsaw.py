"""Jigsaw: telling the order of a puzzle's patches (Noroozi, Favaro, ECCV 2016, arXiv 1603.09246)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Puzzle
from looc_tf.errors import UserError, shown
from looc_tf.methods import of_patches
from looc_tf.methods.base import Batch
from looc_tf.methods.of_patches import OfPatches, side_by_side
from looc_tf.methods.recipes import hidden, with_puzzle
from looc_tf.representations import QUERY

ORDERS = 100  # of 100, 2,000 and 10,000 they gave VISSL's ResNet-50 the best linear probe


@dataclass(frozen=True)
class Settings(of_patches.Settings):
    """Of the networks behind the trunk."""

    name: str = "jigsaw"


class Jigsaw(OfPatches):
    """The patches of a picture lie in one of some orders that are far from each other; a classifier of what the
    towers say, side by side as the patches lie, tells in which. Neither layer has BatchNorm, as in the paper.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="jigsaw")
        >>> looc_tf.build_method(experiment).classifier.units, experiment.views.chain["puzzle"]
        (100, {'cells': 3, 'patch': 12, 'permutations': 100})
    """

    Settings: ClassVar[type[config.Method]] = Settings
    recipe: ClassVar[Mapping[str, Any]] = {"views.chain": with_puzzle(ORDERS), "method.hidden": hidden(1)}

    @classmethod
    def check_puzzle(cls, place: str, puzzle: Puzzle) -> None:
        if (puzzle.permutations or 1) < 2:
            raise UserError(
                f"The method 'jigsaw' tells which of some orders a puzzle is in. Received {place}.permutations="
                f"{shown(puzzle.permutations)}. Set it to 2 or more, such as {ORDERS}."
            )

    @classmethod
    def answers(cls, puzzle: Puzzle) -> int:
        return puzzle.permutations or 1

    def asked(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        return self.joined(side_by_side(self.towers(batch))), self.drawn(batch, QUERY)[self.puzzle]["permutation"]
