"""Backbones of one's own: what they must be, and the table of those that a config names."""

from __future__ import annotations

from collections.abc import Callable

from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.registry import Registry

# Name, as `model.backbone` says it -> function that builds a new network at each call; see `Encoder` for what it must
# be. A run is loaded only where its backbone is registered under the same name.
BACKBONES: Registry[Callable[[], keras.Model]] = Registry(
    "backbone", "looc_tf.models.BACKBONES", {}, "function that builds it"
)


def check_own(model: keras.Model, what: str = "The backbone", channels: int = 3) -> keras.Model:
    """Returns a network of somebody's own, or raises a `UserError` that says what it should be.

    Args:
        model: the network.
        what: how a message calls it.
        channels: of the pictures.
    """
    expected = (
        f"a functional or Sequential Keras model of [B, H, W, {channels}], any height and width, to [B, F] or "
        f"[B, h, w, F], such as keras.Sequential([keras.Input([None, None, {channels}]), ...])"
    )
    if not isinstance(model, keras.Model):
        raise UserError(f"{what} should be {expected}. Received {_named(model)}.")
    try:
        given, made = model.input_shape, model.output_shape
        model.inputs[0].shape  # noqa: B018 - a network without static inputs could not be copied for the keys
    except (AttributeError, RuntimeError, TypeError):
        raise UserError(f"{what} should be {expected}. Received {_named(model)} without fixed inputs.") from None
    if not isinstance(given, tuple) or len(given) != 4 or given[-1] not in (channels, None):
        raise UserError(f"{what} should be {expected}. Received one that takes {_shape(given)}.")
    if not isinstance(made, tuple) or len(made) not in (2, 4) or not made[-1]:
        raise UserError(f"{what} should be {expected}. Received one that gives {_shape(made)}.")
    return model


def copy_of(model: keras.Model | None) -> keras.Model | None:
    """A network of the same shape with weights of its own, for the keys; None for none."""
    return keras.models.clone_model(model) if model is not None else None


def pooling(backbone: keras.Model) -> keras.layers.Layer:
    """What makes float32 `[B, F]` of the features of a backbone that has no last stage of its own."""
    if len(backbone.output_shape) == 4:
        return keras.layers.GlobalAveragePooling2D(dtype="float32", name="pool")
    return keras.layers.Activation("linear", dtype="float32", name="pool")


def _named(value: object) -> str:
    return f"a {type(value).__name__}"


def _shape(shape: object) -> str:
    return str(shape).replace("None", "?")
