"""Backbones by name from Keras and keras-cv, where only the trunk's features are needed."""

from __future__ import annotations

import inspect
from typing import Any

from looc_tf.errors import UserError, nearest, reason, shown, unknown
from looc_tf.keras2 import keras
from looc_tf.models.own_backbone import BACKBONES, check_own
from looc_tf.models.resnet import RESNETS

# keras-cv fetches the shape of a preset from Kaggle, even without weights; these are built without a network.
_RESNET = {"stackwise_filters": [64, 128, 256, 512], "stackwise_strides": [1, 2, 2, 2]}
_RESNET_BLOCKS = {
    "18": ("basic_block", [2, 2, 2, 2]),
    "34": ("basic_block", [3, 4, 6, 3]),
    "50": ("block", [3, 4, 6, 3]),
    "101": ("block", [3, 4, 23, 3]),
    "152": ("block", [3, 8, 36, 3]),
}
_DENSENET_REPEATS = {
    "121": [6, 12, 24, 16],
    "169": [6, 12, 32, 32],
    "201": [6, 12, 48, 32],
}  # Huang et al. 2017, table 1
_EFFICIENTNET_V2 = {  # Tan and Le 2021; B1 to B3 scale B0 in width and depth
    "stackwise_kernel_sizes": [3] * 6,
    "stackwise_num_repeats": [1, 2, 2, 3, 5, 8],
    "stackwise_input_filters": [32, 16, 32, 48, 96, 112],
    "stackwise_output_filters": [16, 32, 48, 96, 112, 192],
    "stackwise_expansion_ratios": [1, 4, 4, 4, 6, 6],
    "stackwise_squeeze_and_excite_ratios": [0, 0, 0, 0.25, 0.25, 0.25],
    "stackwise_strides": [1, 2, 2, 2, 1, 2],
    "stackwise_conv_types": ["fused"] * 3 + ["unfused"] * 3,
}
_EFFICIENTNET_V2_SCALES = {"b0": (1.0, 1.0), "b1": (1.0, 1.1), "b2": (1.1, 1.2), "b3": (1.2, 1.4)}


def _shapes() -> dict[str, tuple[str, dict[str, Any]]]:
    """Preset -> class of keras-cv and its arguments."""
    shapes: dict[str, tuple[str, dict[str, Any]]] = {}
    for depth, (block, blocks) in _RESNET_BLOCKS.items():
        arguments = {**_RESNET, "stackwise_blocks": blocks, "block_type": block}
        shapes[f"resnet{depth}"] = ("ResNetBackbone", arguments)
        shapes[f"resnet{depth}_v2"] = ("ResNetV2Backbone", arguments)
    for depth, repeats in _DENSENET_REPEATS.items():
        shapes[f"densenet{depth}"] = ("DenseNetBackbone", {"stackwise_num_repeats": repeats})
    for scale, (wider, deeper) in _EFFICIENTNET_V2_SCALES.items():
        coefficients = {"width_coefficient": wider, "depth_coefficient": deeper}
        shapes[f"efficientnetv2_{scale}"] = ("EfficientNetV2Backbone", {**_EFFICIENTNET_V2, **coefficients})
    return shapes


KERAS_CV_SHAPES = _shapes()
_SCALING = (keras.layers.Rescaling, keras.layers.Normalization)


def _keras_builders() -> dict[str, Any]:
    """Name -> function of the networks of Keras."""
    return {key: value for key, value in vars(keras.applications).items() if key[:1].isupper()}


def _keras_cv_presets() -> dict[str, Any]:
    """Name -> class of the backbones of keras-cv that need no weights: first those that need no network either."""
    import keras_cv  # on use: its import takes seconds

    kinds: list[Any] = [kind for kind in vars(keras_cv.models).values() if inspect.isclass(kind)]
    kinds = [kind for kind in kinds if issubclass(kind, keras_cv.models.Backbone)]
    presets = {preset: kind for kind in kinds for preset in kind.presets if preset not in kind.presets_with_weights}
    return {name: getattr(keras_cv.models, kind) for name, (kind, _) in KERAS_CV_SHAPES.items()} | presets


def _keras(name: str, channels: int = 3, weights: str | None = None) -> keras.Model:
    builders = _keras_builders()
    scales = "include_preprocessing" in inspect.signature(builders[name]).parameters
    options = {"include_preprocessing": False} if scales else {}
    return builders[name](include_top=False, weights=weights, input_shape=(None, None, channels), **options)


def _unscaled(model: keras.Model) -> keras.Model:
    """The model from behind its own scaling of the pictures on: EfficientNet B0 to B7 cannot be built without.

    The encoder has scaled the pictures; scaled once more they would all but vanish, and in 16 bits do.
    """
    scaling = [layer for layer in model.layers if isinstance(layer, _SCALING)]
    return keras.Model(scaling[-1].output, model.output, name=model.name) if scaling else model


def _keras_cv(name: str, channels: int) -> keras.Model:
    kind = _keras_cv_presets()[name]
    shape = {} if channels == 3 else {"input_shape": (None, None, channels)}
    if name in KERAS_CV_SHAPES:
        return kind(**KERAS_CV_SHAPES[name][1], include_rescaling=False, **shape)
    try:
        return kind.from_preset(name, load_weights=False, include_rescaling=False, **shape)
    except Exception as error:  # whatever the download ends in: no network, no such handle, no kagglehub
        raise UserError(
            f"keras-cv reads the shape of backbone {name!r} from Kaggle, which failed ({type(error).__name__}). "
            f"Connect to the network, or use one that needs none: {', '.join(KERAS_CV_SHAPES)}."
        ) from error


def pretrained(name: str) -> keras.Model:
    """A backbone of one of the libraries with its weights of ImageNet, downloaded where they are not there yet.

    Raises:
        UserError: it has none, or there is no network.
    """
    library, _, backbone = name.partition("/")
    if library not in LIBRARIES or name in BACKBONES:
        raise UserError(
            f"model.weights='imagenet' is for backbones of the libraries. Received model.backbone={name!r}. Use one "
            "such as 'keras/ResNet50', or name a file of weights."
        )
    try:
        if library == "keras":
            return _unscaled(_keras(backbone, weights="imagenet"))
        import keras_cv

        return keras_cv.models.Backbone.from_preset(f"{backbone}_imagenet", load_weights=True, include_rescaling=False)
    except Exception as error:  # whatever the download ends in: no network, no such preset, no kagglehub
        raise UserError(
            f"The ImageNet weights of {name!r} could not be had ({reason(error)}). Connect to the network once, or "
            "name a file of weights as model.weights."
        ) from error


LIBRARIES = {"keras": _keras, "keras_cv": _keras_cv}


def named_backbone(name: str, channels: int = 3) -> keras.Model:
    """`keras/MobileNetV2` or `keras_cv/efficientnetv2_b0` -> a model of `[B, H, W, C]` to a feature map, untrained; a
    name of `BACKBONES` -> what its function builds.

    Those of the two libraries take pictures as the encoder has scaled them. Their BatchNorm is their own: it cannot be
    split or synchronized from here.

    Raises:
        UserError: there is no such backbone, keras-cv cannot fetch its shape, or it takes pictures of one size, or of
            RGB, alone.
    """
    check_backbone(name)
    if name in BACKBONES:
        return check_own(BACKBONES[name](), f"Backbone {name!r}", channels)
    library, _, backbone = name.partition("/")
    try:
        model = _unscaled(LIBRARIES[library](backbone, channels))
    except (ValueError, TypeError) as error:  # EfficientNet's own scaling is of three channels
        if channels == 3:
            raise
        raise UserError(
            f"Backbone {name!r} cannot be built for {channels} bands ({reason(error)}). "
            f"Name three bands in data.bands, or use one of {', '.join(RESNETS)}."
        ) from error
    if model.input_shape[-1] != channels:
        raise UserError(
            f"Backbone {name!r} takes {model.input_shape[-1]} channels alone. Received {channels} bands. "
            f"Name three in data.bands, or use one of {', '.join(RESNETS)}."
        )
    if any(model.input_shape[1:-1]):  # keras-cv's transformers (ViTDet would also scale the pictures, and not tell)
        size = " x ".join(map(str, model.input_shape[1:]))
        raise UserError(
            f"Backbone {name!r} takes {size} alone, and views are of any size. Use one that is convolutional, "
            f"such as 'keras/EfficientNetB0'."
        )
    return model


def check_backbone(name: str) -> None:
    """Raises a `UserError` where no table holds the name, or two do; builds nothing."""
    library, _, backbone = name.partition("/")
    if name in BACKBONES and (name in RESNETS or library in LIBRARIES):
        raise UserError(
            f"BACKBONES holds {name!r}, which is the name of a backbone of looc_tf. Give yours another name."
        )
    if name in RESNETS or name in BACKBONES:
        return
    if library not in LIBRARIES or not backbone:
        options = [*RESNETS, *BACKBONES, *(f"{library}/<name>" for library in LIBRARIES)]
        raise UserError(
            f"Unknown model.backbone {shown(name)}. {nearest(name, options)}Expected one of {', '.join(options)}. "
            f"{BACKBONES.how(name)}"
        )
    known = _keras_builders() if library == "keras" else _keras_cv_presets()
    if backbone not in known:
        raise unknown(f"{library} backbone", backbone, sorted(known))


def is_portable(name: str) -> bool:
    """Whether a backbone can be built from its name alone wherever looc_tf is installed, without a network."""
    return name in RESNETS or name.startswith("keras/") or name.removeprefix("keras_cv/") in KERAS_CV_SHAPES
