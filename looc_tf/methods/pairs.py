"""What methods that compare views of one picture in pairs have in common, with leave-one-out over any of them."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Augmentation, build_chain
from looc_tf.config import Experiment
from looc_tf.distribute import gather, replicas, sum_over_replicas
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.losses import likeness_of_all, nearest_of, ranking
from looc_tf.methods.base import Batch, Method
from looc_tf.methods.facts import Facts
from looc_tf.methods.few_values import Normalized, rows_of_queries
from looc_tf.methods.networks import build_encoder
from looc_tf.methods.parts import concat_parts, map_in_parts
from looc_tf.methods.passes import Meetings, Passes, meetings, passes_of
from looc_tf.models import Encoder, copy_of, follow_each, rising, start_from
from looc_tf.models.normalization import is_normalized
from looc_tf.objectives import Objective
from looc_tf.representations import QUERY
from looc_tf.views import Space, ViewPlan, multicrop, sibling_negatives

log = logging.getLogger(__name__)

Encoded = dict[str, dict[str, tf.Tensor]]  # view -> trunk or space -> [B, D]


@dataclass(frozen=True)
class PairSettings(config.Method):
    """The embedding spaces: one that shares nothing is the method of the paper, several are leave-one-out over it."""

    spaces: tuple[Space, ...] = (Space("all"),)
    rank_siblings: float = 0.0  # weight of telling a picture's own key from its siblings, see `losses.ranking`
    unlike_spaces: float = 0.0  # weight of the likeness of each two spaces' rows of the query, see `losses.likeness`

    def in_epochs(self) -> dict[str, float]:
        """The settings that are counted in epochs and do something."""
        return {name: epochs for name, epochs in vars(self).items() if name.endswith("_epochs") and epochs}


@dataclass(frozen=True)
class SlowSettings(PairSettings):
    """Of methods with a slow copy."""

    momentum: float = 0.99  # of the slow copy
    rising: bool = False  # whether the momentum grows to 1 along half a cosine


class Pairs(Method):
    """Views of a picture, compared pair by pair in each space the way that its objective does.

    Which views of a space find which is said by `passes.meetings`.

    Args:
        encoder: with one head per space.
        plan: the views of a batch.
        objectives: of each space, by name.
        settings: of the method, a `PairSettings`; its `spaces` say what each shares.
        slow: a copy of the encoder that follows it and gives what the views are compared with; none: they give it.
        facts: of the training.

    Attributes:
        together: whether views of one size pass the encoder in one batch, so that BatchNorm cannot tell them apart.
        heads_at_once: whether those of all sizes then pass the heads in one batch.
        has_slow_copy: whether there is a slow copy.
        final_is_slow: whether the slow copy is what is evaluated and exported.
        small_are_found: whether large views are to find small ones too.
        needs_head_norm: whether embeddings become one point under heads without BatchNorm.
    """

    together: ClassVar[bool] = False
    heads_at_once: ClassVar[bool] = False
    has_slow_copy: ClassVar[bool] = False
    final_is_slow: ClassVar[bool] = False
    small_are_found: ClassVar[bool] = False
    needs_head_norm: ClassVar[bool] = False

    def __init__(
        self,
        encoder: Encoder,
        plan: ViewPlan,
        objectives: Mapping[str, Objective],
        settings: Any,
        slow: Encoder | None = None,
        facts: Facts | None = None,
        **options,
    ):
        super().__init__(encoder, watch=list(objectives), **options)
        self.slow, self.spaces, self.settings, self.facts = slow, dict(objectives), settings, facts or Facts()
        self.siblings = sibling_negatives(settings.spaces)
        self.meets = self._meetings(plan, settings)
        if slow is not None:
            start_from(slow, encoder)
        self.meter("loss", *["likeness"] * bool(settings.unlike_spaces and len(objectives) > 1))
        for name, space in self.spaces.items():
            self.meter(f"{name}/loss", *(f"{name}/{what}" for what in space.measures))
            self.meter(*[f"{name}/sibling_accuracy"] * bool(self.siblings[name]))

    @classmethod
    def objective(cls, experiment: Experiment, space: Space, facts: Facts) -> Objective:
        """The objective of a space."""
        raise NotImplementedError(f"{cls.__name__} must say what a space asks of its views.")

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        """A query, a key per space and, where asked for, small views."""
        return multicrop(chain, getattr(experiment.method, "local_views", 0), experiment.method.spaces)

    @classmethod
    def _meetings(cls, plan: ViewPlan, settings: Any) -> Meetings:
        symmetric = getattr(settings, "symmetric", True)
        return meetings(plan, [space.name for space in settings.spaces], symmetric, cls.small_are_found)

    @classmethod
    def passes(cls, experiment: Experiment, plan: ViewPlan) -> dict[str, Passes]:
        settings = experiment.method
        return passes_of(cls._meetings(plan, settings), sibling_negatives(settings.spaces), cls.has_slow_copy)

    @classmethod
    def for_batch(cls, experiment: Experiment, batch: int) -> list[str]:
        """Prototypes in proportion, where it has any: a batch can serve so many."""
        before = getattr(experiment.method, "prototypes", 0)
        return [f"method.prototypes={max(2, before * batch // experiment.training.batch)}"] if before else []

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        settings = experiment.method
        if not settings.spaces:
            raise UserError("method.spaces is empty. Expected at least one space, such as {name: all}.")
        config.between(experiment, 0, 1000, "method.rank_siblings", "method.unlike_spaces")
        if settings.unlike_spaces and experiment.training.accumulate > 1:
            raise config.whole_batch("method.unlike_spaces", experiment.training.accumulate, "Set it to 0")
        if hasattr(settings, "momentum"):
            config.fraction(experiment, "method.momentum")
        if hasattr(settings, "local_views"):
            config.between(experiment, 0, 64, "method.local_views")

    @classmethod
    def heads(cls, experiment: Experiment) -> list[str]:
        return [space.name for space in experiment.method.spaces]

    @classmethod
    def normalized(cls, experiment: Experiment, devices: int) -> dict[str, Normalized]:
        """Views of one size, which pass the encoder in one batch where the method takes them together."""
        plan, rows = cls._plan(experiment), rows_of_queries(experiment, devices)
        sizes = Counter(plan.size(view, experiment.data.size) for view in plan.views)
        together = sizes if cls.together else dict.fromkeys(sizes, 1)
        return {f"views of {size} px": Normalized(count * rows, size) for size, count in together.items()}

    @classmethod
    def _plan(cls, experiment: Experiment) -> ViewPlan:
        views = experiment.views
        return cls.plan(experiment, build_chain(views.chain, views.size, experiment.data.channels))

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> Pairs:
        settings, heads, copy = experiment.method, cls.heads(experiment), copy_of(backbone)
        encoder = build_encoder(experiment, heads, backbone)
        slow = build_encoder(experiment, heads, copy, name="slow_encoder") if cls.has_slow_copy else None
        objectives = {space.name: cls.objective(experiment, space, facts) for space in settings.spaces}
        options = {"accumulate": experiment.training.accumulate, "name": settings.name}
        if lacking := facts.lacking(settings):
            log.warning("%s", lacking)
        return cls(encoder, cls._plan(experiment), objectives, settings, slow, facts, **options)

    def compile(self, optimizer: Any = "rmsprop", *given: Any, **options: Any) -> None:
        """`compile` of Keras; no weight decay will move what may be kept as it is in the first steps."""
        with self.distribute_strategy.scope():
            optimizer = keras.optimizers.get(optimizer)
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        if self.undecayed() and not getattr(inner, "_built", False):  # one that is has been here before
            inner.exclude_from_weight_decay(var_list=self.undecayed())
        super().compile(optimizer, *given, **options)

    @property
    def final(self) -> Encoder:
        return self.slow if self.slow is not None and self.final_is_slow else self.encoder

    def encoders(self) -> dict[str, Encoder]:
        return {"encoder": self.encoder, **({"slow": self.slow} if self.slow is not None else {})}

    def slow_copies(self) -> list[keras.Model]:
        return [] if self.slow is None else [self.slow]

    def chance(self) -> dict[str, float]:
        known = {name: space.chance() for name, space in self.spaces.items()}
        told = {name: self.settings.rank_siblings * math.log(1 + len(self.siblings[name])) for name in known}
        return {name: loss + told[name] for name, loss in known.items() if loss is not None}

    def remarks(self) -> list[str]:
        """Of heads that collapse, spaces that ask for more than a batch gives, starts that outlast the training."""
        found = [remark for space in self.spaces.values() if (remark := space.remark())]
        if self.needs_head_norm and not all(map(is_normalized, self.encoder.heads.values())):
            found.append(
                f"Method {self.name!r} has no negatives, and its heads no BatchNorm: embeddings may become one point. "
                f"Set model.head={self.recipe['model.head']}."
            )
        return [*found, *self.facts.outlasting(self.settings)]

    def targets(self, batch: Batch) -> Encoded:
        """What the slow copy makes of the views that are to be found; nothing where there is none."""
        slow = self.slow
        if slow is None:
            return {}
        wanted = {key for pairs in self.meets.values() for _, key in pairs} | {*self.spaces}
        views = {view: images for view, images in batch["views"].items() if view in wanted}
        encoded = map_in_parts(lambda part: self._encode(slow, part, slow=True), views, self.accumulate)
        return tf.nest.map_structure(tf.stop_gradient, concat_parts(encoded))

    def compare(self, batch: Batch, targets: Encoded) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        quick = self._encode(self.encoder, batch["views"])
        slow, asides = targets or quick, [self.beside(batch, quick), self._unlike(quick[QUERY])]
        losses, remembered = {}, {}
        for name, space in self.spaces.items():
            own, others = ({view: rows[name] for view, rows in each.items() if name in rows} for each in (quick, slow))
            found = space(own, others, self.meets[name], self.siblings[name], self.optimizer.iterations)
            loss = found.loss
            if self.siblings[name]:
                self.record(f"{name}/sibling_accuracy", nearest_of(found.nearness))
                if self.settings.rank_siblings:
                    loss += self.settings.rank_siblings * ranking(found.nearness)
            for measure, values in {"loss": loss, **found.measures}.items():
                self.record(f"{name}/{measure}", values)
            losses[name] = sum((each for each in asides if each is not None), loss)
            unit = self.encoder.unit(own[QUERY]) if space.raw else own[QUERY]
            remembered[name] = tf.stop_gradient(unit), found.remembered
        return losses, remembered

    def beside(self, batch: Batch, rows: Encoded) -> tf.Tensor | None:
        """A loss `[B]` beside those of the spaces, of what is made of each view; it is logged in `loss` alone."""
        return None

    def _unlike(self, rows: dict[str, tf.Tensor]) -> tf.Tensor | None:
        """How alike the spaces are in the global batch, weighted; None where nobody asks."""
        if "likeness" not in self.meters:
            return None
        self.record("likeness", alike := likeness_of_all([gather(rows[name]) for name in self.spaces]))
        return self.settings.unlike_spaces * alike

    def _encode(self, encoder: Encoder, views: Mapping[str, tf.Tensor], slow: bool = False) -> Encoded:
        """The trunk's features of each view that is read, and its rows in the spaces that read it."""
        raw = next(iter(self.spaces.values())).raw
        readers = {view: self._readers(view, slow) for view in views}
        views = {view: images for view, images in views.items() if readers[view]}
        if self.together:
            return encoder.together(views, training=True, raw=raw, heads_at_once=self.heads_at_once)
        return {view: encoder(images, training=True, heads=readers[view], raw=raw) for view, images in views.items()}

    def _readers(self, view: str, slow: bool) -> list[str]:
        """The spaces that read a view: on the slow side as what is found, on the other as what finds, or both."""
        sides = [1] if slow else [0] if self.slow is not None else [0, 1]
        return [
            name
            for name, pairs in self.meets.items()
            if any(pair[side] == view for pair in pairs for side in sides)
            or (1 in sides and view in self.siblings[name])
        ]

    def commit(self, remembered: dict[str, Any]) -> None:
        """Each space remembers; then slow copies follow, on the clock of the step that was just taken."""
        super().commit({name: rows for name, (rows, _) in remembered.items()})
        for name, (_, kept) in remembered.items():
            self.spaces[name].commit(kept)
        followers = [pair for space in self.spaces.values() for pair in space.followers()]
        if self.slow is not None:
            followers += zip(self.slow.trainable_variables, self.encoder.trainable_variables)
        if followers:
            follow_each(followers, self._momentum())

    def _momentum(self) -> float | tf.Tensor:
        settings = self.settings
        if not settings.rising or not self.facts.steps:
            return settings.momentum
        progress = tf.cast(self.optimizer.iterations - 1, tf.float32) / self.facts.steps
        return rising(settings.momentum, tf.clip_by_value(progress, 0.0, 1.0))

    def steer(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """Each gradient is held to `clip`, over all replicas; those of prototypes are 0 in the first epochs."""
        clip, frozen = getattr(self.settings, "clip", None), getattr(self.settings, "frozen_epochs", 0)
        if clip:
            gradients = [tf.clip_by_norm(each, clip) / replicas() for each in sum_over_replicas(gradients)]
        if frozen:
            held = {id(variable) for variable in self.undecayed()}
            awake = tf.cast(tf.cast(self.optimizer.iterations, tf.float32) >= frozen * self.facts.epoch, tf.float32)
            named = zip(gradients, self.trained_variables())
            gradients = [each * awake if id(variable) in held else each for each, variable in named]
        return gradients

    def undecayed(self) -> list[tf.Variable]:
        return [variable for space in self.spaces.values() for variable in space.held()]
