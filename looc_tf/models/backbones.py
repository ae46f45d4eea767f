"""Backbones by name from Keras and keras-cv, where only the trunk's features are needed."""

from __future__ import annotations

from tensorflow import keras

from looc_tf.errors import unknown
from looc_tf.models.resnet import RESNETS


def _keras(name: str) -> keras.Model:
    builders = {key: value for key, value in vars(keras.applications).items() if key[:1].isupper()}
    if name not in builders:
        raise unknown("Keras backbone", name, builders)
    return builders[name](include_top=False, weights=None, input_shape=(None, None, 3))


def _keras_cv(name: str) -> keras.Model:
    import keras_cv  # on use: its import takes seconds

    presets = [key for key in keras_cv.models.Backbone.presets if not key.endswith("_imagenet")]
    if name not in presets:
        raise unknown("keras-cv backbone", name, presets)
    return keras_cv.models.Backbone.from_preset(name, load_weights=False)


LIBRARIES = {"keras": _keras, "keras_cv": _keras_cv}


def named_backbone(name: str) -> keras.Model:
    """`keras/MobileNetV2` or `keras_cv/efficientnetv2_b0` -> a model of `[B, H, W, 3]` to a feature map, random weights.

    Their BatchNorm is their own: it cannot be split or synchronized from here.
    """
    library, _, backbone = name.partition("/")
    if library not in LIBRARIES or not backbone:
        raise unknown("model.backbone", name, [*RESNETS, *(f"{library}/<name>" for library in LIBRARIES)])
    return LIBRARIES[library](backbone)
