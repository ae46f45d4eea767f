"""The encoder: pictures to the trunk's features and to a point in each embedding space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf
from tensorflow import keras

from looc_tf import config
from looc_tf.errors import UserError, unknown
from looc_tf.models.backbones import check_backbone, named_backbone
from looc_tf.models.heads import HEADS, UnitRows
from looc_tf.models.inputs import UnitImages, unit_images
from looc_tf.models.normalization import QUERY_NORMALIZATIONS, Normalization, for_queries
from looc_tf.models.resnet import RESNETS, STEMS
from looc_tf.representations import TRUNK, branch

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels, in [0, 1]


class Encoder(UnitImages, keras.Model):
    """Shared trunk, one projection head per space; LooC++ gives each head its own last stage.

    Args:
        model: sizes and kinds, see `config.Model`.
        spaces: names of the spaces.
        branch_per_space: each space owns a copy of the last ResNet stage, and the representation `trunk` is the
            concatenation of the pooled branches (LooC++, Xiao et al. 2021, section 3).
        norm: BatchNorm of this encoder; by default the one that `model.batch_norm` names.

    Example:
        >>> encoder = Encoder(config.Model(width=16, hidden=64), ["all", "color"])
        >>> outputs = encoder(tf.zeros([2, 32, 32, 3]))
        >>> {name: tuple(vectors.shape) for name, vectors in outputs.items()}
        {'trunk': (2, 128), 'all': (2, 128), 'color': (2, 128)}
    """

    def __init__(
        self,
        model: config.Model,
        spaces: Sequence[str],
        *,
        branch_per_space: bool = False,
        norm: Normalization | None = None,
        name: str = "encoder",
    ):
        super().__init__(name=name)
        check_model(model, branch_per_space)
        norm = norm or for_queries(model.batch_norm)
        self.shared, stages = _build_backbone(model, spaces if branch_per_space else [TRUNK], norm)
        self.stages = dict(zip(spaces, stages)) if branch_per_space else {}
        self.last = None if branch_per_space else stages[0]
        self.heads = {space: HEADS[model.head](space, model.hidden, model.dimension, norm) for space in spaces}
        self.unit = UnitRows()
        self(tf.zeros([1, 32, 32, 3]))

    def dimension(self, name: str) -> int:
        """The length of the rows of a representation."""
        if name in self.heads:
            return int(self.heads[name].output_shape[-1])
        stages = [self.last] if self.last is not None else list(self.stages.values())
        return sum(int(stage.output_shape[-1]) for stage in stages)

    def call(
        self,
        images: tf.Tensor,
        training: bool = False,
        heads: Iterable[str] | None = None,
    ) -> dict[str, tf.Tensor]:
        """Embed pictures.

        Args:
            images: `[B, H, W, 3]`, floats in [0, 1] or uint8.
            training: BatchNorm uses, and follows, the statistics of this batch.
            heads: the spaces wanted; all by default.

        Returns:
            `trunk`: `[B, F]` pooled features, then a `[B, dimension]` of unit rows for each space; with a branch per
            space also the pooled `branch_<space>`, of which `trunk` is then the concatenation.
        """
        heads = list(self.heads if heads is None else heads)
        images = unit_images(images, self.compute_dtype)
        features = self.shared((images - MEAN) / DEVIATION, training=training)
        if self.stages:
            pooled = {space: self.stages[space](features, training=training) for space in heads}
            outputs = {TRUNK: tf.concat(list(pooled.values()), axis=1)}
            outputs |= {branch(space): vectors for space, vectors in pooled.items()}
        else:
            outputs = {TRUNK: self.last(features, training=training)}  # type: ignore[misc]  # set where no stages are
            pooled = dict.fromkeys(heads, outputs[TRUNK])
        return outputs | {space: self.unit(self.heads[space](pooled[space], training=training)) for space in heads}

    def together(self, views: Mapping[str, tf.Tensor], training: bool = False) -> dict[str, dict[str, tf.Tensor]]:
        """Embed several views of one batch, those of one size in one pass, so that they share BatchNorm's statistics.

        Args:
            views: name -> `[B, H, W, 3]` in [0, 1].
            training: see `call`.

        Returns:
            name -> what `call` gives for this view alone.
        """
        embedded: dict[str, dict[str, tf.Tensor]] = {name: {} for name in views}
        for size in {images.shape[1]: None for images in views.values()}:
            alike = [name for name, images in views.items() if images.shape[1] == size]
            outputs = self(tf.concat([views[name] for name in alike], axis=0), training=training)
            for output, rows in outputs.items():
                for name, part in zip(alike, tf.split(rows, len(alike))):
                    embedded[name][output] = part
        return embedded


def _build_backbone(
    model: config.Model, stages: Sequence[str], norm: Normalization
) -> tuple[keras.Model, list[keras.layers.Layer]]:
    """The shared part and one last stage for each name."""
    if model.backbone in RESNETS:
        resnet = RESNETS[model.backbone]
        last = [resnet.last_stage(model.width, norm, f"stage5_{name}") for name in stages]
        return resnet.trunk(model.stem, model.width, norm), last
    return named_backbone(model.backbone), [keras.layers.GlobalAveragePooling2D(dtype="float32", name="pool")]


def check_model(model: config.Model, branch_per_space: bool = False) -> None:
    """Sees that there is such a network, before any picture is opened; nothing is built.

    Raises:
        UserError: a name is unknown, or its parts do not go together.
    """
    for field, value, table in (
        ("model.stem", model.stem, STEMS),
        ("model.head", model.head, HEADS),
        ("model.batch_norm", model.batch_norm, QUERY_NORMALIZATIONS),
    ):
        if value not in table:
            raise unknown(field, value, table)
    if model.backbone in RESNETS:
        return
    check_backbone(model.backbone)
    if branch_per_space:
        raise UserError(
            f"A branch per space needs a backbone with a separate last stage, one of {', '.join(RESNETS)}. "
            f"Received model.backbone={model.backbone!r}."
        )
    if model.batch_norm != "plain":
        raise UserError(
            f"Backbone {model.backbone!r} brings its own BatchNorm. Received model.batch_norm={model.batch_norm!r}; "
            f"set it to 'plain', or use one of {', '.join(RESNETS)}."
        )
