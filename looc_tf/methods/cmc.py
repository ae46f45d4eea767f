"""CMC: lightness and color of a picture find each other (Tian, Krishnan, Isola, ECCV 2020, arXiv 1906.05849)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf.augment import RECOLORING, Augmentation
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.methods import instdisc
from looc_tf.methods.checks import check_resnet, check_rgb
from looc_tf.methods.instdisc import InstDisc
from looc_tf.methods.networks import build_encoder
from looc_tf.models import Encoder
from looc_tf.models.lab import Lab
from looc_tf.views import ViewPlan, single

CHANNELS = {"L": (0, 1), "ab": (1, 3)}  # space -> its channels of CIELAB


@dataclass(frozen=True)
class Settings(instdisc.Settings):
    """Of the banks, and of what is chosen among."""

    name: str = "cmc"


class CMC(InstDisc):
    """Two networks, one of the lightness L of a view and one of its color ab, each with a bank of its own; either is to
    find the picture's row in the *other's*.

    Views, probes and exports are of RGB: CIELAB is made inside of the encoder. What is evaluated and exported as
    `trunk` is both trunks side by side. No augmentation of the chain changes the color of the view, which both share.
    The loss is the mean of the two directions, half of what the paper adds up.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="cmc")
        >>> method = looc_tf.build_method(experiment, looc_tf.Facts(pictures=100))
        >>> method.encoder.dimension("trunk"), looc_tf.build_plan(experiment).views[0].draws
        (64, (0, None, 0))
    """

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = {**InstDisc.recipe, "model.head": "batch_norm_mlp"}
    sides = tuple(CHANNELS)

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        return single(chain, without=RECOLORING)

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        check_rgb(experiment)
        check_resnet(experiment, "a branch for each of lightness and color")
        if experiment.method.proximal:
            raise UserError(
                f"The method 'cmc' has each row found in the other network's bank, and no own row to stay close to. "
                f"Received method.proximal={experiment.method.proximal:g}. Leave it at 0."
            )

    @classmethod
    def seen(cls, experiment: Experiment) -> dict[str, Callable[[tf.Tensor], tf.Tensor]]:
        """The three channels, of which one network sees the first and another the last two."""

        def channel(number: int) -> Callable[[tf.Tensor], tf.Tensor]:
            return lambda images: (1 + Lab()(images)[..., number : number + 1]) / 2

        return {"L": channel(0), "a, from green to red": channel(1), "b, from blue to yellow": channel(2)}

    @classmethod
    def has_branches(cls, experiment: Experiment) -> bool:
        return True

    @classmethod
    def channels(cls, experiment: Experiment) -> list[int]:
        return [last - first for first, last in CHANNELS.values()]

    @classmethod
    def encoder_of(cls, experiment: Experiment, backbone: keras.Model | None) -> Encoder:
        return build_encoder(experiment, cls.sides, backbone, channels_of=CHANNELS)

    @classmethod
    def asks(cls, space: str) -> str:
        return next(other for other in cls.sides if other != space)
