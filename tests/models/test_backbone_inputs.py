"""Every family of backbones receives the pictures as the encoder has scaled them: no layer of it scales them again."""

import contextlib
import inspect

import keras_cv
import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from looc_tf.errors import UserError
from looc_tf.models import encoder
from looc_tf.models.backbones import KERAS_CV_SHAPES, named_backbone

SCALING = (keras.layers.Rescaling, keras.layers.Normalization)
KERAS = {  # module of keras.applications -> the smallest of its backbones
    "convnext": "ConvNeXtTiny",
    "densenet": "DenseNet121",
    "efficientnet": "EfficientNetB0",
    "efficientnet_v2": "EfficientNetV2B0",
    "inception_resnet_v2": "InceptionResNetV2",
    "inception_v3": "InceptionV3",
    "mobilenet": "MobileNet",
    "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3": "MobileNetV3Small",
    "nasnet": "NASNetMobile",
    "regnet": "RegNetX002",
    "resnet": "ResNet50",
    "resnet_rs": "ResNetRS50",
    "resnet_v2": "ResNet50V2",
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "xception": "Xception",
}
BLOCK = {
    "stackwise_kernel_sizes": [3],
    "stackwise_num_repeats": [1],
    "stackwise_input_filters": [32],
    "stackwise_output_filters": [8],
    "stackwise_expansion_ratios": [1],
    "stackwise_strides": [1],
    "width_coefficient": 1.0,
    "depth_coefficient": 1.0,
}
KERAS_CV = {  # class of keras-cv -> one of its names, and for those whose shape is on Kaggle a small one
    "ResNetBackbone": ("resnet18", None),
    "ResNetV2Backbone": ("resnet18_v2", None),
    "DenseNetBackbone": ("densenet121", None),
    "EfficientNetV2Backbone": ("efficientnetv2_b0", None),
    "CSPDarkNetBackbone": (
        "csp_darknet_tiny",
        {"stackwise_channels": [8] * 4, "stackwise_depth": [1] * 4, "use_depthwise": False},
    ),
    "EfficientNetLiteBackbone": ("efficientnetlite_b0", BLOCK),
    "EfficientNetV1Backbone": ("efficientnetv1_b0", {**BLOCK, "stackwise_squeeze_and_excite_ratios": [0.25]}),
    "MobileNetV3Backbone": (
        "mobilenet_v3_small",
        {
            "stackwise_expansion": [1],
            "stackwise_filters": [8],
            "stackwise_kernel_size": [3],
            "stackwise_stride": [2],
            "stackwise_se_ratio": [0.25],
            "stackwise_activation": ["relu"],
        },
    ),
    "YOLOV8Backbone": (
        "yolo_v8_xs_backbone",
        {"stackwise_channels": [8] * 4, "stackwise_depth": [1] * 4, "activation": "swish"},
    ),
}
ONE_SIZE = {  # class of keras-cv that is built for pictures (or videos) of one size -> one of its names, that size
    "MiTBackbone": ("mit_b0", (224, 224, 3)),
    "ViTDetBackbone": ("vitdet_base", (1024, 1024, 3)),
    "VideoSwinBackbone": ("videoswin_tiny", (32, 224, 224, 3)),
}
NO_PICTURES = {"CenterPillarBackbone"}  # of point clouds


class Enough(Exception):
    """The first convolution has been reached."""


@contextlib.contextmanager
def first_convolution(monkeypatch):
    """What the first convolution is called with; it is not computed."""
    inputs = []

    def call(self, values):
        inputs.append(values.numpy())
        raise Enough

    with monkeypatch.context() as patch:
        patch.setattr(keras.layers.Conv2D, "call", call)
        yield inputs


def check_receives_what_the_encoder_gives(backbone, monkeypatch):
    assert [layer.name for layer in backbone.submodules if isinstance(layer, SCALING)] == []
    rng = np.random.default_rng(0)
    given = (rng.random([2, 64, 64, 3], np.float32) - encoder.MEAN) / encoder.DEVIATION
    with first_convolution(monkeypatch) as inputs, pytest.raises(Enough):
        backbone(tf.constant(given, tf.float32))
    (received,) = inputs
    values = received[received != 0]  # 0 is what was padded; CSPDarkNet also moves pixels into channels
    np.testing.assert_allclose(np.sort(values), np.sort(given, axis=None), rtol=1e-5)


def test_every_family_is_here():
    builders = [value for key, value in vars(keras.applications).items() if key[:1].isupper()]
    assert {builder.__module__.rpartition(".")[2] for builder in builders} == set(KERAS)
    kinds = [kind for kind in vars(keras_cv.models).values() if inspect.isclass(kind)]
    kinds = {
        kind.__name__
        for kind in kinds
        if issubclass(kind, keras_cv.models.Backbone) and kind.presets.keys() - kind.presets_with_weights
    }
    assert kinds == {*KERAS_CV, *ONE_SIZE, *NO_PICTURES}
    assert {kind for kind, _ in KERAS_CV_SHAPES.values()} == {kind for kind, (_, own) in KERAS_CV.items() if not own}


@pytest.mark.parametrize("name", KERAS.values())
def test_keras(name, monkeypatch):
    check_receives_what_the_encoder_gives(named_backbone(f"keras/{name}"), monkeypatch)


@pytest.mark.parametrize("kind", KERAS_CV)
def test_keras_cv(kind, monkeypatch):
    name, small = KERAS_CV[kind]
    if small:

        def shape(cls, preset, *, load_weights, **options):
            assert not load_weights
            return cls(**small, **options)

        monkeypatch.setattr(getattr(keras_cv.models, kind), "from_preset", classmethod(shape))
    check_receives_what_the_encoder_gives(named_backbone(f"keras_cv/{name}"), monkeypatch)


@pytest.mark.parametrize("kind", ONE_SIZE)
def test_a_backbone_of_one_size_is_refused(kind, monkeypatch):
    """ViTDet would scale the pictures itself as well."""
    name, shape = ONE_SIZE[kind]
    pictures = keras.Input(shape)
    built = classmethod(lambda *_, **__: keras.Model(pictures, pictures))
    monkeypatch.setattr(getattr(keras_cv.models, kind), "from_preset", built)
    with pytest.raises(UserError, match=f"Backbone 'keras_cv/{name}' takes {' x '.join(map(str, shape))} alone"):
        named_backbone(f"keras_cv/{name}")


@pytest.mark.parametrize("hidden", [lambda x: keras.layers.Rescaling(2.0)(x), lambda x: 2.0 * x])
def test_a_hidden_scaling_is_seen(hidden, monkeypatch):
    pictures = keras.Input([None, None, 3])
    backbone = keras.Model(pictures, keras.layers.Conv2D(4, 3)(hidden(pictures)))
    with pytest.raises(AssertionError):
        check_receives_what_the_encoder_gives(backbone, monkeypatch)
