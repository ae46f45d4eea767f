"""The encoder that an experiment asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.models import Encoder


def build_encoder(
    experiment: Experiment, heads: Sequence[str], backbone: keras.Model | None = None, **options: Any
) -> Encoder:
    """An encoder for the pictures of an experiment, with freshly drawn weights.

    Args:
        experiment: the config.
        heads: names of the embedding spaces.
        backbone: a network of somebody's own, in the place of `model.backbone`.
        options: others of `Encoder`.

    Raises:
        UserError: the backbone takes pictures of one size alone, and the views have another.
    """
    encoder = Encoder(experiment.model, heads, channels=experiment.data.channels, backbone=backbone, **options)
    height, width = encoder.shared.input_shape[1:3]
    size = experiment.views.size
    if {height, width} - {None, size}:
        raise UserError(
            f"The backbone takes pictures of {height} x {width} alone, and views.size is {size}. Set views.size to it, "
            "or begin the backbone with keras.Input([None, None, 3])."
        )
    return encoder
