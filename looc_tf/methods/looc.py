"""LooC: leave-one-out contrastive learning (Xiao, Wang, Efros, Darrell, ICLR 2021, arXiv 2008.05659)."""

from __future__ import annotations

import logging
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from looc_tf import config, views
from looc_tf.augment import Augmentation
from looc_tf.config import Experiment
from looc_tf.distribute import gather, own_rows
from looc_tf.errors import UserError, unknown
from looc_tf.keras2 import keras
from looc_tf.losses import TEMPERATURES, nearest_of
from looc_tf.memory import EmbeddingSpace
from looc_tf.methods.base import RECENT, Batch, Method
from looc_tf.methods.facts import Facts
from looc_tf.methods.few_values import Normalized
from looc_tf.methods.key_batches import check_key_batches, check_trunk, key_normalization, rows_of_keys
from looc_tf.methods.networks import build_encoder
from looc_tf.methods.parts import concat_parts, map_in_parts
from looc_tf.methods.passes import Passes
from looc_tf.methods.recipes import hidden
from looc_tf.models import Encoder, check_model, copy_of, follow, precision, start_from
from looc_tf.models.normalization import groups_of
from looc_tf.representations import QUERY
from looc_tf.views import ViewPlan, leave_one_out, sibling_negatives

log = logging.getLogger(__name__)

Keys = dict[str, dict[str, tf.Tensor]]  # space that reads -> key -> [B, D], row for row with the queries

LONGEST_QUEUE = 2**26


@dataclass(frozen=True)
class Space(views.Space):
    """One embedding space, its temperature and the rows of its queue."""

    temperature: float = 0.2
    queue: int = 16384


@dataclass(frozen=True)
class Settings(config.Method):
    """MoCo is the method with one space that shares nothing."""

    name: str = "looc"
    spaces: tuple[Space, ...] = (Space("all"),)
    momentum: float = 0.999  # of the key encoder's moving average
    # Which statistics the keys' BatchNorm takes, so that a key cannot be told from those of its query's batch.
    # "split": of each of `key_groups` parts of the global batch; "shuffled": of each device, with keys on other devices
    # than their queries (MoCo's own); "sync": of the global batch; "plain": of each device, with keys beside their
    # queries. "auto": split where `key_groups` is a multiple of the devices, so that their number changes nothing, else
    # shuffled.
    key_batch_norm: str = "auto"
    key_groups: int = 8
    key_precision: str = "auto"  # of the key encoder, which takes no gradient; auto: that of the training
    branch_per_space: bool = False  # LooC++ / MoCo++: a copy of the last stage in every head
    sibling_negatives: bool = True  # whether other keys of a picture are negatives where they vary what a space notices


class LooC(Method):
    """One contrast per embedding space over one encoder; with one space that shares nothing it is MoCo.

    A batch holds the view `query`, one view per space under the space's name, and `order` `[B]`: row r of each key view
    belongs to the query in row `order[r]` of the global batch, so that keys meet BatchNorm in other company than
    queries.

    Args:
        encoder: of the queries.
        key_encoder: built from the same config; becomes a copy of `encoder` and follows it.
        spaces: of one name each.
        momentum: of the key encoder's moving average.
        siblings: whether keys are negatives of their own query in spaces that must notice what they vary.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="looc")
        >>> method = looc_tf.build_method(experiment)
        >>> {name: round(loss, 2) for name, loss in method.chance().items()}  # of guessing
        {'all': 5.55, 'color': 5.56, 'rotation': 5.56}
    """

    Settings = Settings
    facts = Facts()
    recipe: ClassVar[Mapping[str, Any]] = {"model.head": "mlp", "model.hidden": hidden(1), "model.batch_norm": "plain"}
    against_collapse = (
        "Lower optimizer.learning_rate, raise method.momentum or the queue, or strengthen what its key varies."
    )

    def __init__(
        self,
        encoder: Encoder,
        key_encoder: Encoder,
        spaces: Sequence[EmbeddingSpace],
        momentum: float = 0.999,
        siblings: bool = True,
        **options,
    ):
        super().__init__(encoder, **options)
        _check_apart(encoder, key_encoder)
        self.key_encoder = key_encoder
        self.spaces = {space.name: space for space in spaces}
        self.momentum, self._told = momentum, False
        self.negatives = sibling_negatives(spaces) if siblings else dict.fromkeys(self.spaces, ())
        start_from(key_encoder, encoder)
        self.meter("loss", *(f"{name}/{what}" for name in self.spaces for what in ("loss", "accuracy", "spread")))
        self.meter(*(f"{name}/sibling_accuracy" for name, siblings in self.negatives.items() if siblings))

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        """A query and one key per space, shuffled unless their BatchNorm is to be plain."""
        settings = experiment.method
        shuffled, siblings = settings.key_batch_norm != "plain", settings.sibling_negatives
        return leave_one_out(chain, settings.spaces, shuffled=shuffled, siblings=siblings)

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        config.positive(experiment, "method.key_groups")
        if experiment.method.key_precision not in ("auto", *config.PRECISIONS):
            raise unknown("method.key_precision", experiment.method.key_precision, ("auto", *config.PRECISIONS))
        config.fraction(experiment, "method.momentum")
        if not experiment.method.spaces:
            raise UserError("method.spaces is empty. Expected at least one space, such as {name: all} which is MoCo's.")
        for space in experiment.method.spaces:
            _check_space(space, experiment.training.batch)
        check_model(experiment.model, experiment.method.branch_per_space)
        check_key_batches(experiment, devices)

    @classmethod
    def normalized(cls, experiment: Experiment, devices: int) -> dict[str, Normalized]:
        rows, remedy = rows_of_keys(experiment, devices)
        return super().normalized(experiment, devices) | {"keys": Normalized(rows, experiment.views.size, remedy)}

    @classmethod
    def for_batch(cls, experiment: Experiment, batch: int) -> list[str]:
        """Queues in proportion, and groups of as many keys as before, two at least."""
        settings, share = experiment.method, batch / experiment.training.batch
        queues = [max(batch, round(space.queue * share)) for space in settings.spaces]
        groups = f"method.key_groups={max(2, round(settings.key_groups * share))}"
        return [groups, *(f"method.spaces.{number}.queue={queue}" for number, queue in enumerate(queues))]

    @classmethod
    def passes(cls, experiment: Experiment, plan: ViewPlan) -> dict[str, Passes]:
        """The query learns; keys pass the slow copy."""
        return {view.name: Passes(learning=1) if view.name == QUERY else Passes(still=1) for view in plan.views}

    @classmethod
    def heads(cls, experiment: Experiment) -> list[str]:
        return [space.name for space in experiment.method.spaces]

    @classmethod
    def has_branches(cls, experiment: Experiment) -> bool:
        return experiment.method.branch_per_space

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> LooC:
        settings, model = experiment.method, experiment.model
        built = {"branch_per_space": settings.branch_per_space}
        copy = copy_of(backbone)
        encoder = build_encoder(experiment, cls.heads(experiment), backbone, **built)
        check_trunk(experiment, encoder)
        norm = key_normalization(experiment)
        with precision(_precision_of_keys(experiment, backbone)):
            key_encoder = build_encoder(experiment, cls.heads(experiment), copy, norm=norm, name="key_encoder", **built)
        spaces = [
            EmbeddingSpace(
                space.name,
                shares=space.shares,
                temperature=space.temperature,
                queue=space.queue,
                dimension=model.dimension,
                # By name, so that adding a space leaves the queues of the others as they were.
                seed=experiment.seed ^ zlib.crc32(space.name.encode()) & 0x7FFFFFFF,
            )
            for space in settings.spaces
        ]
        options = {"accumulate": experiment.training.accumulate, "name": settings.name}
        method = cls(encoder, key_encoder, spaces, settings.momentum, settings.sibling_negatives, **options)
        method.facts = facts
        return method

    def encoders(self) -> dict[str, Encoder]:
        return {"encoder": self.encoder, "key_encoder": self.key_encoder}

    def slow_copies(self) -> list[keras.Model]:
        return [self.key_encoder]

    def watched(self) -> dict[str, np.ndarray]:
        """The keys that entered each queue last."""
        return {name: space.recent(RECENT) for name, space in self.spaces.items()}

    def chance(self) -> dict[str, float]:
        """log(1 + S + K) in each space: a run that sits on it learns nothing."""
        return {
            name: math.log(1 + len(self.negatives[name]) + space.queue.shape[0]) for name, space in self.spaces.items()
        }

    def remarks(self) -> list[str]:
        return self.facts.outgrown_by({name: int(space.queue.shape[0]) for name, space in self.spaces.items()})

    def targets(self, batch: Batch) -> Keys:
        """Encode each key once, read it by every space in which it is the positive or a sibling negative."""
        place = tf.argsort(gather(batch["order"]))
        keys: Keys = {name: {} for name in self.spaces}
        for key in self.spaces:
            readers = [name for name in self.spaces if name == key or key in self.negatives[name]]
            encoded = self._encode(batch["views"][key], readers)
            found = own_rows(tf.gather(gather(encoded), place), encoded)
            for name, rows in zip(readers, tf.split(tf.stop_gradient(found), len(readers), axis=1)):
                keys[name][key] = rows
        return keys

    def _encode(self, images: tf.Tensor, heads: list[str]) -> tf.Tensor:
        """A key in several spaces, side by side: `[B, heads * D]`, which costs one exchange between replicas."""

        def encode(part: tf.Tensor) -> tf.Tensor:
            self._tell_groups(part.shape[0])
            outputs = self.key_encoder(part, training=True, heads=heads)
            return tf.concat([outputs[name] for name in heads], axis=1)

        return concat_parts(map_in_parts(encode, images, self.accumulate))

    def _tell_groups(self, rows: int | None) -> None:
        """Warns once, where the step is traced, of keys that cannot be cut as the settings say."""
        wanted, made = (1, 1) if rows is None or self._told else groups_of(self.key_encoder, rows)
        if made < wanted:
            self._told = True
            told = "%d keys cannot be normalised in %d equal groups: they are in %d. Use batches of a multiple of %d,"
            log.warning(told + " or another method.key_groups.", rows, wanted, made, wanted)

    def compare(self, batch: Batch, targets: Keys) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        """L_i of each space; to remember, the key and the query of each space, side by side."""
        queries = self.encoder(batch["views"][QUERY], training=True)
        losses, remembered = {}, {}
        for name, space in self.spaces.items():
            query, keys = queries[name], targets[name]
            siblings = [keys[key] for key in self.negatives[name]]
            stacked = tf.stack(siblings, axis=1) if siblings else tf.zeros_like(query)[:, None][:, :0]
            losses[name], logits = space(query, keys[name], stacked)
            self.record(f"{name}/loss", losses[name])
            self.record(f"{name}/accuracy", tf.cast(tf.argmax(logits, axis=1) == 0, tf.float32))
            if f"{name}/sibling_accuracy" in self.meters:
                self.record(f"{name}/sibling_accuracy", nearest_of(logits[:, : 1 + len(siblings)]))
            remembered[name] = tf.concat([keys[name], tf.stop_gradient(query)], axis=1)
        return losses, remembered

    def commit(self, remembered: dict[str, tf.Tensor]) -> None:
        """Each space's keys, of all replicas, enter its queue; then the key encoder follows."""
        for name, rows in remembered.items():
            keys, queries = tf.split(gather(rows), 2, axis=1)
            self.spaces[name].commit(keys)
            self.record_spread(name, queries)
        follow(self.key_encoder, self.encoder, self.momentum)


def _precision_of_keys(experiment: Experiment, backbone: keras.Model | None) -> str:
    """The policy of Keras in which the key encoder is built; a copy of somebody's own network keeps the network's."""
    wanted, usual = experiment.method.key_precision, experiment.training.precision
    if backbone is not None and wanted not in ("auto", usual):
        raise UserError(
            f"A backbone of your own is copied for the keys as it is. Received method.key_precision={wanted!r}; set it "
            f"to 'auto', or give the backbone by name: a function of BACKBONES builds one in either precision."
        )
    return usual if wanted == "auto" else str(wanted)


def _check_apart(encoder: Encoder, key_encoder: Encoder) -> None:
    """Sees that no step would move the keys' weights together with the queries'."""
    own = {id(variable) for variable in encoder.variables}
    if not isinstance(key_encoder, Encoder) or any(id(variable) in own for variable in key_encoder.variables):
        raise UserError(
            "Expected a key encoder with weights of its own. Received one that shares some with the encoder, or is no "
            "Encoder: build a second network for it, e.g. with keras.models.clone_model(backbone). A function of "
            "BACKBONES builds a new one at each call."
        )


def _check_space(space: Space, batch: int) -> None:
    if space.temperature <= 0:
        raise UserError(f"Space {space.name!r} has a temperature of {space.temperature}. It should be above 0.")
    least, largest = TEMPERATURES
    if not least <= space.temperature <= largest or space.queue > LONGEST_QUEUE:
        raise UserError(
            f"Space {space.name!r} has a temperature of {space.temperature} and a queue of {space.queue} rows. "
            f"They should be from {least} to {largest:g}, and at most {LONGEST_QUEUE:,}."
        )
    if space.queue < batch:
        raise UserError(
            f"Space {space.name!r} has a queue of {space.queue} rows, smaller than the batch of {batch}. "
            "Use a longer queue or a smaller batch."
        )
