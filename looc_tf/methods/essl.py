"""E-SSL: telling turns beside an invariant loss (Dangovski et al., ICLR 2022, arXiv 2111.00899)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf.augment import Augmentation
from looc_tf.config import Experiment
from looc_tf.methods import simclr, simsiam
from looc_tf.methods.auxiliary import Auxiliary, predictor_of
from looc_tf.methods.base import Batch
from looc_tf.methods.pairs import Encoded, PairSettings, Passes
from looc_tf.methods.recipes import hidden, with_small_crop
from looc_tf.methods.turns import TURNS, in_all_turns, upright
from looc_tf.representations import LOCAL, TRUNK
from looc_tf.views import ViewPlan, multicrop

TURNED = f"{LOCAL}1"  # the view that is turned
ADDED = {"views.chain": with_small_crop, "method.hidden": hidden(1)}  # what E-SSL asks beside the invariant method


@dataclass(frozen=True)
class Settings(PairSettings):
    """Temperature, and how much the turns count."""

    name: str = "essl"
    temperature: float = 0.5
    weight: float = 0.4
    hidden: int = 2048  # width of the network that tells the turns


@dataclass(frozen=True)
class SimSiamSettings(simsiam.Settings):
    """How much the turns count."""

    name: str = "essl_simsiam"
    weight: float = 0.4
    hidden: int = 2048  # width of the network that tells the turns


class Turns(Auxiliary):
    """A small view of each picture is shown in all four turns, and a network behind the trunk says which is which."""

    def __init__(self, encoder, *given, **options):
        super().__init__(encoder, *given, **options)
        inputs, hidden = encoder.dimension(TRUNK), self.settings.hidden
        self.teller = predictor_of("teller", inputs, hidden, TURNS, normalized=True, dtype="float32")
        self.meter("turns/loss", "turns/accuracy")

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        """Beside the views of the spaces a small one, which is in none of them, and which no augmentation turns."""
        made = multicrop(chain, 1, experiment.method.spaces)
        views = [replace(upright(v, chain), positive=()) if v.name == TURNED else v for v in made.views]
        return ViewPlan(chain, views)

    @classmethod
    def passes(cls, experiment: Experiment, plan: ViewPlan) -> dict[str, Passes]:
        return {**super().passes(experiment, plan), TURNED: Passes(learning=TURNS)}

    def beside(self, batch: Batch, rows: Encoded) -> tf.Tensor:
        turned, labels = in_all_turns(batch["views"][TURNED])
        logits = self.teller(self.encoder(turned, training=True, heads=[])[TRUNK])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        self.record("turns/loss", losses)
        self.record("turns/accuracy", tf.cast(tf.argmax(logits, axis=1, output_type=tf.int32) == labels, tf.float32))
        return self.settings.weight * tf.reduce_mean(tf.reshape(losses, [TURNS, -1]), axis=0)


class ESSL(Turns, simclr.SimCLR):
    """E-SSL beside SimCLR.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="essl")
        >>> method = looc_tf.build_method(experiment)
        >>> [view.name for view in looc_tf.build_plan(experiment).views]  # the last one is turned
        ['query', 'all', 'color', 'rotation', 'local1']
    """

    Settings = Settings
    recipe: ClassVar[Mapping[str, Any]] = {**simclr.SimCLR.recipe, **ADDED}


class ESSLSimSiam(Turns, simsiam.SimSiam):
    """E-SSL beside SimSiam."""

    Settings = SimSiamSettings
    recipe: ClassVar[Mapping[str, Any]] = {**simsiam.SimSiam.recipe, **ADDED}
