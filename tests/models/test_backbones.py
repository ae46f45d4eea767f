"""Residual networks have the known sizes; backbones of other libraries work by name."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract, tiny

from looc_tf.config import Model
from looc_tf.errors import UserError
from looc_tf.models import Encoder
from looc_tf.models.backbones import named_backbone
from looc_tf.models.normalization import plain
from looc_tf.models.resnet import RESNETS, plain_block


def count(*models):
    return sum(int(np.prod(variable.shape)) for model in models for variable in model.trainable_variables)


# Parameters of torchvision's models without their last layer.
@pytest.mark.parametrize("name, parameters, features", [("resnet18", 11_176_512, 512), ("resnet34", 21_284_672, 512)])
def test_resnets_of_basic_blocks_have_the_known_sizes(name, parameters, features):
    resnet = RESNETS[name]
    trunk, last = resnet.trunk("imagenet", 64, plain), resnet.last_stage(64, plain, "last")
    assert count(trunk, last) == parameters
    assert trunk(tf.zeros([1, 64, 64, 3])).shape == (1, 4, 4, 256)
    assert last(tf.zeros([1, 4, 4, 256])).shape == (1, features)


def test_resnet50_has_the_known_size_and_a_branch_per_space_triples_its_features():
    model = Model("resnet50", "imagenet", 64, hidden=8, dimension=8)
    encoder = Encoder(model, ["all", "color", "rotation"], branch_per_space=True)
    assert count(encoder.shared, encoder.stages["all"]) == 23_508_032
    outputs = encoder(tf.zeros([1, 32, 32, 3]))
    assert outputs["trunk"].shape == (1, 3 * 2048) and outputs["branch_color"].shape == (1, 2048)


@pytest.mark.parametrize("stem, size", [("imagenet", 2), ("small", 8)])
def test_the_stem_decides_the_resolution(stem, size):
    assert RESNETS["plain6"].trunk(stem, 4, plain)(tf.zeros([1, 32, 32, 3])).shape == (1, size, size, 16)


def test_a_stride_does_not_shift_the_features():
    """Mirrored pictures give mirrored features: padding is even on both sides."""
    trunk = RESNETS["resnet18"].trunk("small", 4, plain)
    for variable in trunk.trainable_variables:
        if len(variable.shape) == 4:
            variable.assign((variable + variable[:, ::-1]) / 2)
    images = tf.random.stateless_uniform([1, 33, 33, 3], seed=(0, 1))  # odd, so that a stride of 2 has a middle
    np.testing.assert_allclose(trunk(images)[:, :, ::-1], trunk(images[:, :, ::-1]), atol=1e-4)


# Parameters as the two libraries state them.
@pytest.mark.parametrize(
    "name, parameters",
    [("keras/MobileNetV2", 2_257_984), ("keras_cv/resnet18", 11_186_112), ("keras_cv/efficientnetv2_b0", 5_919_312)],
)
def test_backbones_by_name_need_no_network(name, parameters):
    assert named_backbone(name).count_params() == parameters


def test_an_encoder_over_a_named_backbone():
    model = Model("keras/MobileNetV2", hidden=8, dimension=8)
    outputs = Encoder(model, ["all"])(tf.random.uniform([2, 32, 32, 3]))
    assert outputs["trunk"].shape == (2, 1280) and outputs["all"].shape == (2, 8)


@pytest.mark.parametrize(
    "name, message",
    [
        ("keras/MobileNetV22", "Did you mean 'MobileNetV2'"),
        ("keras_cv/resnet55", "Did you mean 'resnet50'"),
        ("keras_cv/mobilenet_v3_small", "use one that needs none"),  # keras-cv would ask Kaggle for its shape
        ("timm/resnet18", "Unknown model.backbone"),
        ("keras", "Unknown model.backbone"),
    ],
)
def test_a_backbone_that_is_not_there(name, message):
    with pytest.raises(UserError, match=message):
        named_backbone(name)


def test_the_networks_of_tests_are_shipped():
    for backbone in (contract.MODEL.backbone, tiny.EXPERIMENT["model"]["backbone"]):
        assert RESNETS[backbone].block is plain_block


def test_gradients_of_a_network_of_few_channels_and_an_odd_batch():
    """In a process of its own: what went wrong here ended the process ("double free or corruption")."""
    code = (
        "import tensorflow as tf; from looc_tf.models.normalization import plain\n"
        "from looc_tf.models.resnet import RESNETS\n"
        "trunk, images = RESNETS['resnet18'].trunk('small', 4, plain), tf.random.normal([5, 16, 16, 3])\n"
        "for _ in range(30):\n"
        "    with tf.GradientTape() as tape: loss = tf.reduce_sum(trunk(images, training=True) ** 2)\n"
        "    tape.gradient(loss, trunk.trainable_variables)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-500:]
