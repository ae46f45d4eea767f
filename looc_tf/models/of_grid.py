"""An encoder of patches as one of whole pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from looc_tf.augment import PatchGrid, cut_up
from looc_tf.keras2 import keras
from looc_tf.models.encoder import Encoder
from looc_tf.models.inputs import UnitImages, unit_images


@keras.saving.register_keras_serializable(package="looc_tf")
class OfGrid(UnitImages, keras.Model):
    """`trunk`: the mean of the trunk's features over a grid of patches of a picture, which were what it learned from.

    It is saved, loaded and copied like any model of Keras, see `Encoder`.

    Args:
        encoder: of patches, without heads.
        cells: patches across.
        patch: pixels of a patch's side.
    """

    def __init__(self, encoder: Encoder, cells: int, patch: int, name: str = "of_grid"):
        super().__init__(name=name)
        self.encoder, self.cells, self.patch = encoder, cells, patch
        self(tf.zeros([1, 4 * patch, 4 * patch, encoder.channels]))  # a SavedModel needs a shape

    @property
    def heads(self) -> dict[str, keras.Model]:
        """Those of the encoder: none."""
        return self.encoder.heads

    def call(self, images: tf.Tensor, training: bool = False, maps: Sequence[str] = ()) -> dict[str, tf.Tensor]:
        """`trunk` `[B, F]` of pictures `[B, S, S, C]` in [0, 1]; `maps` as of the encoder, means over patches."""
        grid = PatchGrid(self.cells, self.patch)
        cut = grid.apply(unit_images(images, "float32"), grid.sample(tf.zeros([tf.shape(images)[0], grid.numbers])))
        outputs = self.encoder(tf.cast(cut_up(cut, self.cells), self.compute_dtype), training=training, maps=maps)
        return {
            name: tf.reduce_mean(tf.reshape(rows, [self.cells**2, -1, *rows.shape[1:]]), axis=0)
            for name, rows in outputs.items()
        }

    def get_config(self) -> dict[str, Any]:
        """What `from_config` builds it of again."""
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {"name": self.name, "cells": self.cells, "patch": self.patch, "encoder": encoder}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> OfGrid:
        """The inverse of `get_config`, with freshly drawn weights."""
        encoder = keras.layers.deserialize(config["encoder"], custom_objects)
        return cls(encoder, config["cells"], config["patch"], name=config["name"])
