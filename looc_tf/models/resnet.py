"""ResNet (He et al. 2016) in two parts, so that a space can own the last stage (Conv5)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from looc_tf.errors import UserError
from looc_tf.keras2 import keras
from looc_tf.models.lab import Channels, Lab
from looc_tf.models.normalization import Normalization
from looc_tf.representations import STAGES

layers = keras.layers
INITIALIZER = keras.initializers.VarianceScaling(
    2.0, "fan_out", "untruncated_normal"
)  # He et al. 2015, as PyTorch's ResNet


def _convolution(filters: int, size: int, stride: int, name: str) -> Callable:
    # Explicit symmetric padding: TensorFlow's "same" pads a stride-2 convolution unevenly and shifts the features.
    initializer = INITIALIZER.__class__.from_config(INITIALIZER.get_config())
    convolution = layers.Conv2D(
        filters,
        size,
        stride,
        padding="same" if stride == 1 else "valid",
        use_bias=False,
        kernel_initializer=initializer,
        name=name,
    )
    if stride == 1 or size == 1:
        return convolution
    pad = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")
    return lambda x: convolution(pad(x))


def _shortcut(x, filters: int, stride: int, norm: Normalization, name: str):
    if stride == 1 and x.shape[-1] == filters:
        return x
    if stride > 1 and x.shape[-1] < 16:
        # The same pixels taken first: with so few channels oneDNN's weight gradient of a strided 1x1 convolution
        # writes past its buffer when the batch is odd (TensorFlow 2.15) and takes the process with it.
        x, stride = layers.MaxPooling2D(1, stride, name=f"{name}_shortcut_pick")(x), 1
    return norm(f"{name}_shortcut_norm")(_convolution(filters, 1, stride, f"{name}_shortcut")(x))


def basic_block(x, width: int, stride: int, norm: Normalization, name: str):
    """Two 3x3 convolutions (ResNet-18, -34)."""
    shortcut = _shortcut(x, width, stride, norm, name)
    x = layers.ReLU(name=f"{name}_relu1")(norm(f"{name}_norm1")(_convolution(width, 3, stride, f"{name}_conv1")(x)))
    x = norm(f"{name}_norm2")(_convolution(width, 3, 1, f"{name}_conv2")(x))
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([shortcut, x]))


def bottleneck_block(x, width: int, stride: int, norm: Normalization, name: str):
    """1x1, 3x3 with the stride, 1x1 to four times the width (ResNet-50)."""
    shortcut = _shortcut(x, 4 * width, stride, norm, name)
    x = layers.ReLU(name=f"{name}_relu1")(norm(f"{name}_norm1")(_convolution(width, 1, 1, f"{name}_conv1")(x)))
    x = layers.ReLU(name=f"{name}_relu2")(norm(f"{name}_norm2")(_convolution(width, 3, stride, f"{name}_conv2")(x)))
    x = norm(f"{name}_norm3")(_convolution(4 * width, 1, 1, f"{name}_conv3")(x))
    return layers.ReLU(name=f"{name}_relu3")(layers.Add(name=f"{name}_add")([shortcut, x]))


def plain_block(x, width: int, stride: int, norm: Normalization, name: str):
    """One 3x3 convolution and no shortcut."""
    x = layers.Conv2D(width, 3, stride, "same", use_bias=False, name=f"{name}_conv")(x)
    return layers.ReLU(name=f"{name}_relu")(norm(f"{name}_norm")(x))


def imagenet_stem(x, width: int, norm: Normalization):
    """7x7 stride 2, then 3x3 max-pool stride 2."""
    x = layers.ReLU(name="stem_relu")(norm("stem_norm")(_convolution(width, 7, 2, "stem_conv")(x)))
    return layers.MaxPooling2D(3, 2, name="stem_pool")(layers.ZeroPadding2D(1, name="stem_pool_pad")(x))


def small_stem(x, width: int, norm: Normalization):
    """3x3 stride 1 and no pooling, for pictures of 32 to 64 pixels."""
    return layers.ReLU(name="stem_relu")(norm("stem_norm")(_convolution(width, 3, 1, "stem_conv")(x)))


STEMS = {"imagenet": imagenet_stem, "small": small_stem}


def last_side(stem: str, size: int) -> int:
    """The side of the last feature map of pictures of `size` pixels: whatever has a stride of 2 halves it, rounded up.

    >>> last_side("small", 32), last_side("imagenet", 32), last_side("imagenet", 224)
    (4, 1, 7)
    """
    halvings = 3 + 2 * (stem == "imagenet")  # of the stages but the first; of convolution and pooling
    return -(-size // 2**halvings)


@dataclasses.dataclass(frozen=True)
class ResNet:
    """The shape of a residual network.

    Args:
        block: `basic_block` or `bottleneck_block`.
        expansion: output channels of a block, per width.
        blocks: of each of the four stages.
    """

    block: Callable
    expansion: int
    blocks: tuple[int, int, int, int]

    def _stage(self, x, index: int, width: int, norm: Normalization):
        for number in range(self.blocks[index]):
            stride = 2 if index > 0 and number == 0 else 1
            x = self.block(x, width * 2**index, stride, norm, f"stage{index + 2}_block{number + 1}")
        return x

    def trunk(
        self, stem: str, width: int, norm: Normalization, channels: int = 3, sees: tuple[int, int] | None = None
    ) -> keras.Model:
        """`[B, H, W, channels]` -> the feature map of Conv4, `[B, h, w, 4 * width * expansion]`; with `sees`, of RGB
        the channels of CIELAB from the first to before the last."""
        inputs = x = keras.Input([None, None, channels])
        x = Channels(*sees, name="channels")(Lab(name="lab")(x)) if sees else x
        x = STEMS[stem](x, width, norm)
        for index in range(3):
            x = self._stage(x, index, width, norm)
        return keras.Model(inputs, x, name="trunk")

    def of_channels(
        self, stem: str, width: int, norm: Normalization, channels: tuple[int, int], name: str
    ) -> keras.Model:
        """A whole network of some channels, from the first to before the last: `[B, H, W, 3]` -> pooled Conv5."""
        inputs = keras.Input([None, None, 3])
        x = Channels(*channels, name="channels")(inputs)
        x = self.trunk(stem, width, norm, channels[1] - channels[0])(x)
        return keras.Model(inputs, self.last_stage(width, norm, "last")(x), name=name)

    def last_stage(self, width: int, norm: Normalization, name: str) -> keras.Model:
        """The feature map of Conv4 -> pooled Conv5, `[B, 8 * width * expansion]`, float32."""
        inputs = keras.Input([None, None, 4 * width * self.expansion])
        x = self._stage(inputs, 3, width, norm)
        return keras.Model(inputs, layers.GlobalAveragePooling2D(dtype="float32")(x), name=name)


LAST = "stage5"  # Conv5, which `STAGES`, those of the shared part, have not


def tapped(part: keras.Model, stages: Sequence[str]) -> keras.Model:
    """A part of a network with the feature maps of some of its stages before its own output: of the same layers.

    Raises:
        UserError: it has no such stage.
    """
    maps = []
    for stage in stages:
        named = [layer for layer in getattr(part, "layers", ()) if layer.name.startswith(f"{stage}_")]
        if not named:
            raise UserError(
                f"Expected a network with the stages {', '.join(STAGES)}, {LAST}, one of {', '.join(RESNETS)}."
            )
        maps.append(named[-1].output)
    return keras.Model(part.inputs, [*maps, part.output], name="tapped")


RESNETS = {
    "plain6": ResNet(plain_block, 1, (1, 1, 1, 1)),  # no residuals: what is quickest to build, for tests
    "resnet10": ResNet(basic_block, 1, (1, 1, 1, 1)),
    "resnet18": ResNet(basic_block, 1, (2, 2, 2, 2)),
    "resnet34": ResNet(basic_block, 1, (3, 4, 6, 3)),
    "resnet50": ResNet(bottleneck_block, 4, (3, 4, 6, 3)),
}
