"""What a method declares of itself, before it is built: its settings, its views, what it costs, what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Augmentation
from looc_tf.config import Experiment
from looc_tf.data import Source
from looc_tf.keras2 import keras
from looc_tf.methods.facts import Facts
from looc_tf.methods.few_values import Normalized, rows_of_queries
from looc_tf.methods.passes import Passes
from looc_tf.views import ViewPlan

if TYPE_CHECKING:
    from looc_tf.methods.base import Method


class Declared:
    """The part of a `Method` that is known of its class: its `Settings`, the `method:` section of a config, its `plan`
    of views, what `check` refuses and how it is made, `from_experiment`.

    Attributes:
        Settings: the dataclass of its settings, a subclass of `config.Method`.
        recipe: what it asks of a config of another method, see `recipes.applied`.
        needs_whole_batch: whether its loss compares the rows of a batch with each other: no part can stand for all.
        encodes_patches: whether it encodes the patches of the query, and not the query.
        behind_heads: networks with BatchNorm of a head's rows, by what they are called.
        reading: which reading of held-out pictures says what is best: `knn`, or `validation`, of its own classes.
        ends_with_best: whether a training ends with the weights of its best reading instead of the last ones.
    """

    Settings: ClassVar[type[config.Method]]
    recipe: ClassVar[Mapping[str, Any]] = {}
    needs_whole_batch: ClassVar[bool] = False
    encodes_patches: ClassVar[bool] = False
    behind_heads: ClassVar[tuple[str, ...]] = ()
    reading: ClassVar[str] = "knn"
    ends_with_best: ClassVar[bool] = False

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        """The views that a batch holds."""
        raise NotImplementedError(f"{cls.__name__} must say which views it takes.")

    @classmethod
    def seen(cls, experiment: Experiment) -> dict[str, Callable[[tf.Tensor], tf.Tensor]]:
        """What its networks are shown of the query where that is not the view itself, for people: what it is called ->
        a function of pictures `[B, H, W, C]` in [0, 1] to such pictures. By default nothing."""
        return {}

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        """Raises a `UserError` for settings that cannot work, before any picture is opened; `devices` is on how many
        it is to be trained, None where it was trained already, or nobody knows.
        """
        return

    @classmethod
    def normalized(cls, experiment: Experiment, devices: int) -> dict[str, Normalized]:
        """Over which pictures BatchNorm takes a statistic in a training, by what they are called; see `few_values`."""
        return {"queries": Normalized(rows_of_queries(experiment, devices), experiment.views.size)}

    @classmethod
    def for_batch(cls, experiment: Experiment, batch: int) -> list[str]:
        """Overrides that keep its settings in proportion where the batch becomes another; by default none."""
        return []

    @classmethod
    def passes(cls, experiment: Experiment, plan: ViewPlan) -> dict[str, Passes]:
        """View -> how often a step encodes it; by default once, to learn from it."""
        return {view.name: Passes(learning=1) for view in plan.views}

    @classmethod
    def heads(cls, experiment: Experiment) -> list[str]:
        """The names of the encoder's heads, the embedding spaces; by default none."""
        return []

    @classmethod
    def has_branches(cls, experiment: Experiment) -> bool:
        """Whether each head owns a last stage."""
        return False

    @classmethod
    def channels(cls, experiment: Experiment) -> list[int]:
        """How many channels each of its trunks sees; by default it has one, which sees all."""
        return [experiment.data.channels]

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> Method:
        """The method with freshly drawn weights; over a backbone of somebody's own, where one is given."""
        raise NotImplementedError(f"{cls.__name__} must say how it is made.")

    @classmethod
    def pictures(cls, experiment: Experiment, source: Source) -> Source:
        """Those of the training pictures that it trains on; by default all."""
        return source

    @classmethod
    def patience(cls, experiment: Experiment) -> int:
        """After how many readings without a better one a training ends early; by default never, 0."""
        return 0
