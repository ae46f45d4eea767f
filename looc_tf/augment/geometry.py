"""Where the pixels come from: crop with flip and resize, and rotation by right angles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters, between, interval, number, unit_range, whole


class Crop(Augmentation):
    """A random box of a square image, possibly mirrored, resized to `size` pixels (Inception-style crop).

    One `tf.image.crop_and_resize` does crop, flip (left and right swapped) and bilinear resize for the whole batch.
    Area is uniform and aspect log-uniform, as in torchvision's RandomResizedCrop. Where torchvision redraws a box that
    does not fit, here the aspect is drawn from the part of its range that fits, so that one draw takes a fixed count of
    numbers. There is no antialiasing: keep source images at about the size of a view (256 for 224), where it hardly
    matters.

    Args:
        size: side of a view in pixels.
        area: lowest and highest fraction of the image's area.
        aspect: lowest and highest width / height.
        flip: probability of a horizontal mirror image.

    `apply` takes uint8 or float32 [B, S, S, 3] and gives float32 [B, size, size, 3] in [0, 1].

    >>> crop = Crop(size=32)
    >>> crop.apply(tf.zeros([8, 64, 64, 3], tf.uint8), crop.sample(tf.random.uniform([8, crop.numbers]))).shape
    TensorShape([8, 32, 32, 3])
    """

    numbers = 5
    settings = ("size", "area", "aspect", "flip")

    def __init__(
        self,
        size: int,
        area: tuple[float, float] = (0.2, 1.0),
        aspect: tuple[float, float] = (3 / 4, 4 / 3),
        flip: float = 0.5,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.size = whole("crop.size", size, 1, 4096)
        self.area = interval("crop.area", area, 0.001, 1.0)
        self.aspect = interval("crop.aspect", aspect, 0.01, 100.0)
        self.flip = number("crop.flip", flip)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`box` [B, 4]: top, left, height, width as fractions of the image; `flip` bool [B]."""
        area = between(u[:, 0], *self.area)
        # Both sides, sqrt(area * aspect) and sqrt(area / aspect), are at most 1 when |log aspect| <= -log area.
        widest = -tf.math.log(area)
        low, high = (tf.clip_by_value(tf.fill(tf.shape(area), math.log(r)), -widest, widest) for r in self.aspect)
        aspect = tf.exp(low + (high - low) * u[:, 1])
        height = tf.minimum(tf.sqrt(area / aspect), 1.0)
        width = tf.minimum(tf.sqrt(area * aspect), 1.0)
        box = tf.stack([u[:, 2] * (1 - height), u[:, 3] * (1 - width), height, width], axis=1)
        return {"box": box, "flip": u[:, 4] < self.flip}

    def vector(self, parameters: Parameters) -> tf.Tensor:
        """Top, left, height and width of the box in parts of the picture, and whether it was mirrored, [B, 5]."""
        return tf.concat([parameters["box"], tf.cast(parameters["flip"], tf.float32)[:, None]], axis=1)

    def describe(self, parameters: Mapping[str, Any]) -> str:
        _, _, height, width = parameters["box"]
        return f"{100 * height * width:.0f} % of the area{', mirrored' if parameters['flip'] else ''}"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        images = unit_range(images)
        top, left, height, width = tf.unstack(parameters["box"], axis=1)
        rows, columns = tf.unstack(tf.cast(tf.shape(images)[1:3], tf.float32))
        y1, y2 = self._corners(top, height, rows)
        x1, x2 = self._corners(left, width, columns)
        x1, x2 = tf.where(parameters["flip"], x2, x1), tf.where(parameters["flip"], x1, x2)
        boxes = tf.stack([y1, x1, y2, x2], axis=1)
        return tf.image.crop_and_resize(images, boxes, tf.range(tf.shape(images)[0]), (self.size, self.size))

    def _corners(self, start: tf.Tensor, length: tf.Tensor, pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Centers of a view's first and last pixel on one axis, in the units of crop_and_resize.

        crop_and_resize samples a grid from corner to corner, where 0 and 1 are the centers of the image's outermost
        pixels. A view's pixel i of `size` has its center at (i + 1/2) / size of the box. Centers outside of the
        outermost ones (by less than half a pixel, where a box at the border is enlarged) are moved to them.
        """
        half = length / (2 * self.size)
        first = (start + half) * pixels - 0.5
        last = (start + length - half) * pixels - 0.5
        return tf.clip_by_value(first / (pixels - 1), 0.0, 1.0), tf.clip_by_value(last / (pixels - 1), 0.0, 1.0)


class Flip(Augmentation):
    """A mirror image, left and right swapped, as a draw of its own: one that views may share, or a space notice.

    `crop` mirrors too; set its `flip` to 0 beside this.

    Args:
        probability: of the mirror image.

    >>> Flip().sample(tf.constant([[0.4]]))["on"].numpy()
    array([ True])
    """

    numbers = 1
    settings = ("probability",)

    def __init__(self, probability: float = 0.5, **kwargs: Any):
        super().__init__(**kwargs)
        self.probability = number("flip.probability", probability)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`on` bool [B]."""
        return {"on": u[:, 0] < self.probability}

    def vector(self, parameters: Parameters) -> tf.Tensor:
        """1 where it is mirrored, [B, 1]."""
        return tf.cast(parameters["on"], tf.float32)[:, None]

    def describe(self, parameters: Mapping[str, Any]) -> str:
        return "mirrored" if parameters["on"] else "as it is"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        images = unit_range(images)
        return tf.where(parameters["on"][:, None, None, None], tf.reverse(images, [2]), images)


class Rotation(Augmentation):
    """Rotation of a square view by a right angle, counter-clockwise and exact: pixels are moved, never interpolated.

    Applied with `probability`, then uniform over 90, 180 and 270 degrees. The paper (Xiao et al., ICLR 2021) names the
    angles; the probability of 0.5 is this library's choice.

    >>> rotation = Rotation(probability=1.0)
    >>> rotation.sample(tf.constant([[0.1, 0.5]]))["quarters"].numpy()
    array([2], dtype=int32)
    """

    numbers = 2
    settings = ("probability",)

    def __init__(self, probability: float = 0.5, **kwargs: Any):
        super().__init__(**kwargs)
        self.probability = number("rotation.probability", probability)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`quarters` int32 [B] in {0, 1, 2, 3}: counter-clockwise quarter turns."""
        turns = 1 + tf.minimum(tf.cast(u[:, 1] * 3, tf.int32), 2)
        return {"quarters": tf.where(u[:, 0] < self.probability, turns, 0)}

    def vector(self, parameters: Parameters) -> tf.Tensor:
        """Which of the four turns, one-hot, [B, 4]."""
        return tf.one_hot(parameters["quarters"], 4)

    def describe(self, parameters: Mapping[str, Any]) -> str:
        return f"{90 * parameters['quarters']}°"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        return quarter_turns(images, parameters["quarters"])


class FreeRotation(Augmentation):
    """Rotation by any angle up to a limit, bilinear; the corners show the mirrored picture, not black.

    Args:
        angle: largest angle in degrees, to either side; 180 is the whole circle.
        probability: of a rotation.

    >>> FreeRotation(angle=30).sample(tf.constant([[0.1, 0.75]]))["radians"].numpy().round(3)
    array([0.262], dtype=float32)
    """

    numbers = 2
    settings = ("angle", "probability")

    def __init__(self, angle: float = 180.0, probability: float = 0.5, **kwargs: Any):
        super().__init__(**kwargs)
        self.angle = number("free_rotation.angle", angle, high=180)
        self.probability = number("free_rotation.probability", probability)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`radians` [B], counter-clockwise."""
        limit = math.radians(self.angle)
        return {"radians": tf.where(u[:, 0] < self.probability, between(u[:, 1], -limit, limit), 0.0)}

    def vector(self, parameters: Parameters) -> tf.Tensor:
        """The angle between half a turn to the right, 0, and to the left, 1, [B, 1]."""
        return (parameters["radians"][:, None] / math.pi + 1) / 2

    def describe(self, parameters: Mapping[str, Any]) -> str:
        return f"{math.degrees(parameters['radians']):.0f}°"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        from looc_tf.augment.addons import rotate  # a second of import that few configs need

        return tf.ensure_shape(rotate(images, parameters["radians"]), images.shape)


def quarter_turns(images: tf.Tensor, quarters: tf.Tensor) -> tf.Tensor:
    """Turns square images [B, S, S, C] counter-clockwise, each by its own quarters, int32 [B] in {0, 1, 2, 3}."""
    places = tf.dynamic_partition(tf.range(tf.shape(images)[0]), quarters, 4)
    still, once, twice, thrice = (tf.gather(images, rows) for rows in places)
    turned = [
        still,
        tf.reverse(tf.transpose(once, [0, 2, 1, 3]), [1]),
        tf.reverse(twice, [1, 2]),
        tf.reverse(tf.transpose(thrice, [0, 2, 1, 3]), [2]),
    ]
    return tf.ensure_shape(tf.dynamic_stitch(places, turned), images.shape)
