"""How many parameters and operations a ResNet has, by arithmetic: no network is built, and no device is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from looc_tf.config import Model
from looc_tf.models.resnet import RESNETS, basic_block, bottleneck_block

Convolution = tuple[int, int, int, int]  # channels in, channels out, side of the kernel, side of what comes out


@dataclass(frozen=True)
class Size:
    """Of a part of a network.

    Attributes:
        parameters: trained numbers.
        operations: multiplications and additions of one picture forward, of the convolutions alone.
    """

    parameters: int
    operations: int


def resnet_sizes(model: Model, side: int, channels: int = 3) -> tuple[Size, Size]:
    """The shared part of one of `RESNETS` and one last stage, of which LooC++ has one for each space; heads left out.

    Args:
        model: the section of a config.
        side: pixels of a picture.
        channels: of it.

    >>> shared, last = resnet_sizes(Model(backbone="resnet50", stem="imagenet", width=64), 224)
    >>> shared.parameters + last.parameters, round((shared.operations + last.operations) / 1e9, 1)
    (23508032, 8.2)
    """
    *shared, last = _stages(model, side, channels)
    return _size([each for stage in shared for each in stage]), _size(last)


def _stages(model: Model, side: int, channels: int) -> Iterator[list[Convolution]]:
    """The convolutions of the stem and of each stage."""
    resnet = RESNETS[model.backbone]
    kernel, side = (7, -(-side // 2)) if model.stem == "imagenet" else (3, side)
    yield [(channels, model.width, kernel, side)]
    side = -(-side // 2) if model.stem == "imagenet" else side  # the pooling
    channels = model.width
    for index, blocks in enumerate(resnet.blocks):
        stage: list[Convolution] = []
        width = model.width * 2**index
        for number in range(blocks):
            stride = 2 if index > 0 and number == 0 else 1
            stage += _block(resnet.block, channels, width, stride, side)
            side, channels = -(-side // stride), width * resnet.expansion
        yield stage


def _block(kind: object, channels: int, width: int, stride: int, side: int) -> list[Convolution]:
    """The convolutions of one block, its shortcut among them."""
    out = -(-side // stride)
    if kind is bottleneck_block:
        main = [(channels, width, 1, side), (width, width, 3, out), (width, 4 * width, 1, out)]
    elif kind is basic_block:
        main = [(channels, width, 3, out), (width, width, 3, out)]
    else:
        return [(channels, width, 3, out)]  # plain6 has no shortcut
    last = main[-1][1]
    return [*main, (channels, last, 1, out)] if stride > 1 or channels != last else main


def _size(convolutions: list[Convolution]) -> Size:
    """Each convolution is without bias, and BatchNorm has two numbers a channel."""
    weights = [source * filters * kernel**2 for source, filters, kernel, _ in convolutions]
    return Size(
        sum(count + 2 * filters for count, (_, filters, _, _) in zip(weights, convolutions)),
        sum(2 * count * side**2 for count, (_, _, _, side) in zip(weights, convolutions)),
    )
