"""CPC on patches (van den Oord et al. 2018, arXiv 1807.03748; v2: Henaff et al., ICML 2020, arXiv 1905.09272)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import Augmentation, PatchGrid, cut_up
from looc_tf.config import Experiment
from looc_tf.distribute import gather, own_rows
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.methods.base import Batch, Method
from looc_tf.methods.checks import check_several
from looc_tf.methods.facts import Facts
from looc_tf.methods.few_values import Normalized
from looc_tf.methods.networks import build_encoder
from looc_tf.methods.of_patches import check_cuts_query, cut_of, of_patches
from looc_tf.methods.recipes import ADAM, with_grid
from looc_tf.models import Encoder, OfGrid
from looc_tf.representations import QUERY, TRUNK
from looc_tf.views import ViewPlan, single

BLOCKS, WIDTH = 5, 256  # of the context
QUIET = 0.1  # times the predictions, as v2 has it
layers = keras.layers


@dataclass(frozen=True)
class Settings(config.Method):
    """What is predicted."""

    name: str = "cpc"
    offsets: tuple[int, ...] = (3, 4)  # rows below; rows that overlap or touch could be copied


def causal_context(width: int) -> keras.Model:
    """`[B, g, g, F]` -> the same shape, of which no row has seen one below it (Henaff et al. 2020, appendix A)."""
    given = x = keras.Input([None, None, width])
    for block in range(BLOCKS):
        y = layers.Conv2D(WIDTH, 1, activation="relu", name=f"block{block}_in")(x)
        y = layers.Conv2D(WIDTH, (1, 3), padding="same", name=f"block{block}_across")(y)
        y = layers.ZeroPadding2D(((1, 0), (0, 0)), name=f"block{block}_pad")(y)
        y = layers.Conv2D(WIDTH, (2, 1), activation="relu", name=f"block{block}_down")(y)
        x = layers.Add(name=f"block{block}_sum")([x, layers.Conv2D(width, 1, name=f"block{block}_out")(y)])
    return keras.Model(given, layers.ReLU()(x), name="context")


class CPC(Method):
    """From what the rows of patches down to one tell, the patches some rows below are found among all of the batch.

    What is evaluated and exported as `trunk` is the mean of the features of a picture's patches: whole pictures are of
    another scale.

    Example:
        >>> import looc_tf
        >>> experiment = looc_tf.load_config("factors/looc", ["model.width=4"], method="cpc")
        >>> sorted(looc_tf.build_method(experiment).ahead), experiment.model.batch_norm
        (['3', '4'], 'layer')
    """

    Settings: ClassVar[type[config.Method]] = Settings
    recipe: ClassVar[Mapping[str, Any]] = {**ADAM, "views.chain": with_grid, "model.batch_norm": "layer"}
    needs_whole_batch = True
    encodes_patches = True

    def __init__(self, encoder: Encoder, grid: PatchGrid, offsets: tuple[int, ...], dimension: int, **options):
        super().__init__(encoder, **options)
        width, self.cells, self.dimension = encoder.dimension(TRUNK), grid.cells, dimension
        self.of_grid = OfGrid(encoder, grid.cells, grid.patch)
        self.context = causal_context(width)
        self.target = layers.Dense(dimension, dtype="float32", name="target")
        self.ahead = {
            str(offset): layers.Dense(dimension, dtype="float32", name=f"ahead{offset}") for offset in offsets
        }
        for layer in (self.target, *self.ahead.values()):
            layer(tf.zeros([1, width]))
        self.meter("loss", *(f"ahead{offset}/accuracy" for offset in offsets))

    @property
    def final(self) -> keras.Model:
        return self.of_grid

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        return single(chain)

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        offsets, (name, grid) = experiment.method.offsets, cut_of(experiment, PatchGrid)
        check_cuts_query(name, grid)
        check_several(experiment)
        if not offsets or not all(1 <= offset < grid.cells for offset in offsets):
            raise UserError(
                f"method.offsets should be some numbers of rows, from 1 to {grid.cells - 1} of {grid.cells} rows of "
                f"patches. Received {list(offsets)}."
            )

    @classmethod
    def normalized(cls, experiment: Experiment, devices: int) -> dict[str, Normalized]:
        return {"patches": of_patches(experiment, devices, PatchGrid)}

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> CPC:
        _, grid = cut_of(experiment, PatchGrid)
        encoder, settings = build_encoder(experiment, [], backbone), experiment.method
        return cls(encoder, grid, settings.offsets, experiment.model.dimension, name=settings.name)

    def compare(self, batch: Batch, targets: Any) -> tuple[dict[str, tf.Tensor], tuple[()]]:
        patches = self.encoder(cut_up(batch["views"][QUERY], self.cells), training=True)[TRUNK]
        grid = tf.reshape(patches, [self.cells, self.cells, -1, patches.shape[1]])
        grid = tf.transpose(grid, [2, 0, 1, 3])  # [B, rows, columns, F]
        context, found = self.context(grid), gather(tf.reshape(self.target(grid), [-1, self.cells**2, self.dimension]))
        numbers = tf.reshape(tf.range(tf.size(found) // self.dimension), [-1, self.cells, self.cells])
        own, everywhere = own_rows(numbers, grid), tf.reshape(found, [-1, self.dimension])
        losses = [self._ahead(int(offset), context, own, everywhere) for offset in self.ahead]
        return {"ahead": tf.add_n(losses) / len(losses)}, ()

    def _ahead(self, offset: int, context: tf.Tensor, own: tf.Tensor, everywhere: tf.Tensor) -> tf.Tensor:
        """The loss `[B]` of finding, from each place, the patch some rows below it, by its number among all."""
        guess = QUIET * self.ahead[str(offset)](context[:, : self.cells - offset])
        logits = tf.einsum("brcd,nd->brcn", guess, everywhere)
        asked = own[:, offset:]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(asked, logits)
        right = tf.argmax(logits, axis=3, output_type=asked.dtype) == asked
        self.record(f"ahead{offset}/accuracy", tf.reduce_mean(tf.cast(right, tf.float32), axis=[1, 2]))
        return tf.reduce_mean(losses, axis=[1, 2])
