"""E-SSL: telling turns beside an invariant loss (Dangovski et al., ICLR 2022, arXiv 2111.00899)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import tensorflow as tf
from tensorflow import keras

from looc_tf import config
from looc_tf.augment import Augmentation, FreeRotation, Rotation, build_chain
from looc_tf.config import Experiment
from looc_tf.methods import simclr, simsiam
from looc_tf.methods.base import Batch
from looc_tf.methods.pairs import Encoded, Pairs
from looc_tf.methods.simclr import SimCLR
from looc_tf.methods.simsiam import SimSiam
from looc_tf.representations import LOCAL, TRUNK
from looc_tf.views import View, ViewPlan, crops_of, multicrop

TURNED = f"{LOCAL}1"  # the view that is turned
TURNS = 4


@dataclass(frozen=True)
class Settings(simclr.Settings):
    """How much the turns count."""

    name: str = "essl"
    weight: float = 0.4
    hidden: int = 2048  # width of the network that tells the turns


@dataclass(frozen=True)
class SimSiamSettings(simsiam.Settings):
    """How much the turns count."""

    name: str = "essl_simsiam"
    weight: float = 0.4
    hidden: int = 2048  # width of the network that tells the turns


def _with_small_crop(experiment: Experiment) -> dict[str, Any]:
    """A config's chain with a crop of half the size behind its first one, unless it has a second one."""
    views, chain = experiment.views, {}
    crops = crops_of(build_chain(views.chain, views.size, experiment.data.channels))
    for name, settings in views.chain.items():
        chain[name] = settings
        if crops == [name]:
            chain[LOCAL] = {"kind": "crop", "size": max(1, views.size // 2), "area": [0.05, 0.4]}
    return chain


ADDED = {"views.chain": _with_small_crop}  # what E-SSL asks beside the invariant method


class Turns(Pairs):
    """A small view of each picture is shown in all four turns, and a network behind the trunk says which is which."""

    repeats: ClassVar[Mapping[str, int]] = {TURNED: TURNS}

    def __init__(self, encoder, *given, **options):
        super().__init__(encoder, *given, **options)
        layers = []
        for number in range(2):
            layers += [
                keras.layers.Dense(self.settings.hidden, name=f"hidden{number}"),
                keras.layers.LayerNormalization(name=f"norm{number}"),
                keras.layers.ReLU(name=f"relu{number}"),
            ]
        self.teller = keras.Sequential([*layers, keras.layers.Dense(TURNS, dtype="float32", name="out")], name="teller")
        self.teller.build([None, encoder.dimension(TRUNK)])
        self.meter("turns/loss", "turns/accuracy")

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        """Beside the views of the spaces a small one, which is in none of them, and which no augmentation turns."""
        made = multicrop(chain, 1, experiment.method.spaces)
        turning = [isinstance(each, (Rotation, FreeRotation)) for each in chain.values()]

        def upright(view: View) -> View:
            draws = tuple(None if turns else draw for turns, draw in zip(turning, view.draws))
            return replace(view, draws=draws, positive=())

        return ViewPlan(chain, [upright(view) if view.name == TURNED else view for view in made.views])

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        super().check(experiment, devices)
        config.positive(experiment, "method.hidden")
        config.between(experiment, 0, 1000, "method.weight")

    def beside(self, batch: Batch, rows: Encoded) -> tf.Tensor:
        images = batch["views"][TURNED]
        turned = tf.concat([tf.image.rot90(images, turn) for turn in range(TURNS)], axis=0)
        logits = self.teller(self.encoder(turned, training=True, heads=[])[TRUNK])
        labels = tf.repeat(tf.range(TURNS), tf.shape(images)[0])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        right = tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == labels, tf.float32)
        self.record("turns/loss", losses)
        self.record("turns/accuracy", right)
        return self.settings.weight * tf.reduce_mean(tf.reshape(losses, [TURNS, -1]), axis=0)


class ESSL(Turns, SimCLR):
    """E-SSL beside SimCLR."""

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = {**SimCLR.recipe, **ADDED}


class ESSLSimSiam(Turns, SimSiam):
    """E-SSL beside SimSiam."""

    Settings = SimSiamSettings
    recipe: ClassVar[Mapping[str, Any]] = {**SimSiam.recipe, **ADDED}
