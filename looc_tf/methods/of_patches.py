"""What methods of patches have in common: which puzzle a chain holds, and what the trunk says of each patch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import (
    Augmentation,
    Crop,
    Flip,
    FreeRotation,
    PatchColor,
    Patches,
    Puzzle,
    Rotation,
    build_chain,
    cut_up,
)
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.methods.base import Batch
from looc_tf.methods.classify import Classify
from looc_tf.methods.facts import Facts
from looc_tf.methods.few_values import Normalized, rows_of_queries
from looc_tf.methods.networks import build_encoder
from looc_tf.models import Encoder
from looc_tf.representations import QUERY, TRUNK
from looc_tf.views import ViewPlan, single

Cut = TypeVar("Cut", bound=Patches)
MOVING = (Crop, Flip, Rotation, FreeRotation)


@dataclass(frozen=True)
class Settings(config.Method):
    """Of the networks behind the trunk."""

    hidden: int = 1000  # width of what is said of a patch, and of what compares them


def cut_of(experiment: Experiment, kind: type[Cut]) -> tuple[str, Cut]:
    """The one augmentation that cuts a config's views, and its name in the chain.

    Args:
        experiment: the config.
        kind: of the augmentation.

    Raises:
        UserError: there is another number of them, or a part behind it would move patches.
    """
    views = experiment.views
    chain = build_chain(views.chain, views.size, experiment.data.channels)
    found = [(name, each) for name, each in chain.items() if isinstance(each, kind)]
    if len(found) != 1:
        raise UserError(
            f"The method {experiment.method.name!r} takes one {kind.kind} in views.chain. Received "
            f"{', '.join(name for name, _ in found) or 'none'}. Write one into it, such as {kind.kind}: {{}}, or take "
            f"a config without and add --method {experiment.method.name}: it brings its own."
        )
    name, _ = found[0]
    for other in list(chain)[list(chain).index(name) + 1 :]:
        if isinstance(chain[other], MOVING):
            raise UserError(f"views.chain.{other} would move patches out of their places. Put it before {name!r}.")
        if isinstance(chain[other], PatchColor) and chain[other].cells != found[0][1].cells:
            raise UserError(
                f"views.chain.{other} takes {name!r} apart as it was cut. Set its `cells` to {found[0][1].cells}. "
                f"Received {chain[other].cells}."
            )
    return found[0]


def check_cuts_query(name: str, cut: Patches) -> None:
    """Raises a `UserError` where the query is not among the views that an augmentation cuts."""
    if cut.only and QUERY not in cut.only:
        raise UserError(
            f"views.chain.{name} is to cut the query. Received only: {', '.join(cut.only)}. Take `only` out of it."
        )


def puzzle_of(experiment: Experiment) -> tuple[str, Puzzle]:
    """The one puzzle of a config's chain, and its name there; raises as `cut_of`."""
    return cut_of(experiment, Puzzle)


def features_of(encoder: Encoder, images: tf.Tensor, across: int) -> tf.Tensor:
    """The trunk's features of each patch of pictures in which they lie side by side, `[n, B, F]`."""
    features = encoder(cut_up(images, across), training=True, heads=[])[TRUNK]
    return tf.reshape(features, [across**2, -1, features.shape[1]])


def side_by_side(rows: tf.Tensor) -> tf.Tensor:
    """Rows of each patch, `[n, B, D]`, one behind the other, `[B, n D]`."""
    return tf.concat(tf.unstack(rows), axis=1)


def of_patches(experiment: Experiment, devices: int, kind: type[Patches] = Puzzle) -> Normalized:
    """What passes BatchNorm together where the patches of a batch do."""
    _, cut = cut_of(experiment, kind)
    return Normalized(cut.cells**2 * rows_of_queries(experiment, devices), cut.patch)


class OfPatches(Classify):
    """A classifier of the patches of the view `query`, a puzzle. A tower, the trunk and a hidden layer with ReLU, says
    something of each; a second hidden layer compares what the towers said, and a linear classifier reads it.

    What is evaluated and exported is the trunk, on whole pictures.

    Args:
        encoder: without heads.
        classes: how many answers there are.
        puzzle: name in the chain, and the augmentation.
        hidden: width of both hidden layers.
        compared: of how many patches it compares what was said.
    """

    encodes_patches: ClassVar[bool] = True

    def __init__(
        self, encoder: Encoder, classes: int, *, puzzle: tuple[str, Puzzle], hidden: int, compared: int, **options
    ):
        super().__init__(encoder, classes, inputs=hidden, **options)
        (self.puzzle, drawn), self.tower = puzzle, keras.layers.Dense(hidden, activation="relu", name="tower")
        self.across, self.joined = drawn.cells, keras.layers.Dense(hidden, activation="relu", name="joined")
        self.tower(tf.zeros([1, encoder.dimension(TRUNK)]))
        self.joined(tf.zeros([1, compared * hidden]))

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        return ViewPlan(chain, single(chain).views, recorded=True)

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        config.positive(experiment, "method.hidden")
        name, puzzle = puzzle_of(experiment)
        check_cuts_query(name, puzzle)
        cls.check_puzzle(f"views.chain.{name}", puzzle)

    @classmethod
    def check_puzzle(cls, place: str, puzzle: Puzzle) -> None:
        """Raises a `UserError` for a puzzle in which there is nothing for it to tell."""
        raise NotImplementedError(f"{cls.__name__} must say which puzzles it takes.")

    @classmethod
    def answers(cls, puzzle: Puzzle) -> int:
        """How many there are."""
        raise NotImplementedError(f"{cls.__name__} must say how many answers there are.")

    @classmethod
    def compares(cls, puzzle: Puzzle) -> int:
        """How many patches an answer is of: by default all."""
        return puzzle.cells**2

    @classmethod
    def normalized(cls, experiment: Experiment, devices: int) -> dict[str, Normalized]:
        return {"patches": of_patches(experiment, devices)}

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> OfPatches:
        puzzle, settings = puzzle_of(experiment), experiment.method
        classes, compared = cls.answers(puzzle[1]), cls.compares(puzzle[1])
        options = {"accumulate": experiment.training.accumulate, "name": settings.name}
        encoder = build_encoder(experiment, [], backbone)
        return cls(encoder, classes, puzzle=puzzle, hidden=settings.hidden, compared=compared, **options)

    def towers(self, batch: Batch) -> tf.Tensor:
        """What is said of each patch, `[n, B, hidden]`."""
        return self.tower(features_of(self.encoder, batch["views"][QUERY], self.across))
