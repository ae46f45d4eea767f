"""Instance discrimination by a memory bank, NPID (Wu, Xiong, Yu, Lin, CVPR 2018, arXiv 1805.01978)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Augmentation
from looc_tf.config import Experiment
from looc_tf.errors import UserError, unknown
from looc_tf.keras2 import keras
from looc_tf.losses import TEMPERATURES
from looc_tf.methods.base import Batch, Method
from looc_tf.methods.facts import Facts
from looc_tf.methods.networks import build_encoder
from looc_tf.models import Encoder
from looc_tf.objectives import INSTANCES, Instances
from looc_tf.representations import QUERY
from looc_tf.views import ViewPlan, single


@dataclass(frozen=True)
class Settings(config.Method):
    """Of the bank, and of what is chosen among."""

    name: str = "instdisc"
    objective: str = "softmax"  # among all pictures; or nce (the paper's), info_nce: among drawn ones
    temperature: float = 0.1
    negatives: int = 4096  # pictures that are drawn, for nce and info_nce
    bank_momentum: float = 0.5  # how much of a picture's row stays
    proximal: float = 0.0  # weight of the squared distance to the picture's own row


class InstDisc(Method):
    """Each picture is a class of its own: its one view is to find its own row in a bank with a row for each picture.

    The paper's proximal term is `proximal`; the authors' code has none and moves the rows slowly instead.

    Args:
        encoder: with a head for each bank.
        banks: space -> its bank, and what is asked of it.
        proximal: see `Settings`.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="instdisc")
        >>> method = looc_tf.build_method(experiment, looc_tf.Facts(pictures=8000))
        >>> method.banks["all"].bank.value.shape, round(method.chance()["all"], 2)  # the loss of guessing
        (TensorShape([8000, 128]), 8.99)
    """

    Settings: ClassVar[type[config.Method]] = Settings
    recipe: ClassVar[Mapping[str, Any]] = {
        "model.head": "linear",
        "optimizer.learning_rate": 0.03,
        "optimizer.weight_decay": 5e-4,
    }

    sides: ClassVar[tuple[str, ...]] = ("all",)

    def __init__(self, encoder: Encoder, banks: Mapping[str, Instances], *, proximal: float = 0.0, **options):
        super().__init__(encoder, watch=list(banks), **options)
        self.banks, self.proximal = dict(banks), proximal
        self.meter("loss", *(f"{space}/loss" for space in banks))

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        return single(chain)

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        if experiment.method.objective not in INSTANCES:
            raise unknown("method.objective", experiment.method.objective, INSTANCES)
        config.between(experiment, *TEMPERATURES, "method.temperature")
        config.between(experiment, 1, 2**20, "method.negatives")
        config.fraction(experiment, "method.bank_momentum")
        config.between(experiment, 0, math.inf, "method.proximal")
        if experiment.method.objective == "nce" and experiment.training.accumulate > 1:
            raise config.whole_batch(
                "method.objective 'nce', which estimates its partition on the first batch,",
                experiment.training.accumulate,
                "Use 'softmax' or 'info_nce'",
            )

    @classmethod
    def heads(cls, experiment: Experiment) -> list[str]:
        return list(cls.sides)

    @classmethod
    def asks(cls, space: str) -> str:
        """The space whose bank a space is to find its picture in."""
        return space

    @classmethod
    def encoder_of(cls, experiment: Experiment, backbone: keras.Model | None) -> Encoder:
        """The encoder with a head for each space."""
        return build_encoder(experiment, cls.sides, backbone)

    @classmethod
    def options_of(cls, experiment: Experiment) -> dict[str, Any]:
        """What else a subclass is made of."""
        return {}

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> InstDisc:
        settings = experiment.method
        if not facts.pictures:
            raise UserError(
                f"The method {settings.name!r} keeps a row for each training picture. Received no number of pictures; "
                "build it with facts=Facts.of(experiment, source)."
            )
        of_all = {
            "pictures": facts.pictures,
            "dimension": experiment.model.dimension,
            "momentum": settings.bank_momentum,
            "kind": settings.objective,
            "temperature": settings.temperature,
            "negatives": settings.negatives,
            "seed": experiment.seed,
        }
        banks = {space: Instances(space, **of_all) for space in cls.sides}
        options = {"accumulate": experiment.training.accumulate, "name": settings.name, **cls.options_of(experiment)}
        return cls(cls.encoder_of(experiment, backbone), banks, proximal=settings.proximal, **options)

    def chance(self) -> dict[str, float]:
        return {space: bank.chance() for space, bank in self.banks.items()}

    def compare(self, batch: Batch, targets: Any) -> tuple[dict[str, tf.Tensor], dict[str, Any]]:
        rows, pictures = self.encoder(batch["views"][QUERY], training=True), batch["picture"]
        losses, found = {}, {}
        for space in self.banks:
            asked = self.asks(space)
            losses[space], found[asked] = self.banks[asked](rows[space], pictures, self.optimizer.iterations)
            if self.proximal:
                own = self.banks[asked].bank.rows(pictures)
                losses[space] += self.proximal * tf.reduce_sum((rows[space] - own) ** 2, axis=1)
            self.record(f"{space}/loss", losses[space])
        return losses, {space: (pictures, tf.stop_gradient(rows[space]), found[space]) for space in self.banks}

    def commit(self, remembered: dict[str, Any]) -> None:
        super().commit({space: rows for space, (_, rows, _) in remembered.items()})
        for space, (pictures, rows, found) in remembered.items():
            self.banks[space].commit(pictures, rows, found)
