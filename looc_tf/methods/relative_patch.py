"""Relative patch: telling where a patch lies around another (Doersch, Gupta, Efros, ICCV 2015, arXiv 1505.05192)."""

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
from looc_tf.methods.of_patches import OfPatches
from looc_tf.methods.recipes import hidden, with_puzzle

AROUND = 8
CENTER = 4


@dataclass(frozen=True)
class Settings(of_patches.Settings):
    """Of the networks behind the trunk."""

    name: str = "relative_patch"


class RelativePatch(OfPatches):
    """Of a grid of nine patches, in its order: where each of the outer eight lies around the middle one, told from what
    the towers say of the two.

    The paper draws one of the eight for a step; here all are asked, since the towers have seen them.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="relative_patch")
        >>> looc_tf.build_method(experiment).classifier.units, experiment.views.chain["puzzle"]
        (8, {'cells': 3, 'patch': 12, 'permutations': 1})
    """

    Settings: ClassVar[type[config.Method]] = Settings
    recipe: ClassVar[Mapping[str, Any]] = {"views.chain": with_puzzle(1), "method.hidden": hidden(1)}

    @classmethod
    def check_puzzle(cls, place: str, puzzle: Puzzle) -> None:
        if (puzzle.cells, puzzle.permutations) != (3, 1):
            raise UserError(
                "The method 'relative_patch' asks for the places of eight patches around one. Received "
                f"{place}: {{cells: {puzzle.cells}, permutations: {shown(puzzle.permutations)}}}. Set them to 3 and 1."
            )

    @classmethod
    def answers(cls, puzzle: Puzzle) -> int:
        return AROUND

    @classmethod
    def compares(cls, puzzle: Puzzle) -> int:
        return 2

    def asked(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        first, middle, last = tf.split(self.towers(batch), [CENTER, 1, AROUND - CENTER])
        around = tf.concat([first, last], axis=0)  # [8, B, hidden]
        middles = tf.broadcast_to(middle, tf.shape(around))
        pairs = tf.reshape(tf.concat([middles, around], axis=2), [-1, 2 * around.shape[2]])
        return self.joined(pairs), tf.repeat(tf.range(AROUND), tf.shape(around)[1])
