"""Colorization: telling colors from lightness (Zhang, Isola, Efros, ECCV 2016, arXiv 1603.08511)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from looc_tf import config
from looc_tf.augment import RECOLORING, Augmentation
from looc_tf.config import Experiment
from looc_tf.keras2 import keras
from looc_tf.methods.base import Batch, Method
from looc_tf.methods.checks import check_resnet, check_rgb
from looc_tf.methods.facts import Facts
from looc_tf.methods.networks import build_encoder
from looc_tf.models import Encoder
from looc_tf.models.lab import Lab, bins, lab, soft_bins
from looc_tf.models.resnet import LAST
from looc_tf.representations import QUERY, TRUNK
from looc_tf.views import ViewPlan, single


@dataclass(frozen=True)
class Settings(config.Method):
    """There is nothing to set."""

    name: str = "colorize"


class Colorize(Method):
    """The trunk sees the lightness L of a view alone; of each place of the last map a linear classifier tells the
    colors of four of its pixels, among 261 squares of a and b.

    Every color counts alike; the paper gives rare ones more weight. Views, probes and exports are of RGB: CIELAB is
    made inside of the encoder. No augmentation of the chain changes the color of the view.

    Example:
        >>> import looc_tf
        >>> method = looc_tf.build_method(looc_tf.load_config("factors/looc", ["model.width=4"], method="colorize"))
        >>> method.painter.units, [layer.name for layer in method.encoder.shared.layers[1:3]]
        (261, ['lab', 'channels'])
    """

    Settings: ClassVar[type[config.Method]] = Settings

    def __init__(self, encoder: Encoder, **options):
        super().__init__(encoder, **options)
        self.painter = keras.layers.Dense(len(bins()), dtype="float32", name="painter")
        self.painter(tf.zeros([1, encoder.map_channels(LAST)]))
        self.meter("loss", "accuracy")

    @classmethod
    def plan(cls, experiment: Experiment, chain: Mapping[str, Augmentation]) -> ViewPlan:
        return single(chain, without=RECOLORING)

    @classmethod
    def seen(cls, experiment: Experiment) -> dict[str, Callable[[tf.Tensor], tf.Tensor]]:
        return {"L": lambda images: (1 + Lab()(images)[..., :1]) / 2}

    @classmethod
    def check(cls, experiment: Experiment, devices: int | None = None) -> None:
        check_rgb(experiment)
        check_resnet(experiment, "the last map")

    @classmethod
    def channels(cls, experiment: Experiment) -> list[int]:
        return [1]

    @classmethod
    def from_experiment(cls, experiment: Experiment, facts: Facts, backbone: keras.Model | None = None) -> Colorize:
        encoder = build_encoder(experiment, [], backbone, channels_of={TRUNK: (0, 1)})
        options = {"accumulate": experiment.training.accumulate, "name": experiment.method.name}
        return cls(encoder, **options)

    def colors(self, images: tf.Tensor, side: int) -> tf.Tensor:
        """How much of each color each place has, `[B, side, side, Q]`: the mean of that of four of its pixels. Not that
        of their mean, which would be grayer than all of them."""
        step, points = images.shape[1] // (2 * side), 2 * side
        found = lab(images[:, step // 2 :: step, step // 2 :: step])[:, :points, :points, 1:]
        return tf.nn.avg_pool2d(soft_bins(found), 2, 2, "VALID")

    def compare(self, batch: Batch, targets: Any) -> tuple[dict[str, tf.Tensor], tuple[()]]:
        images = batch["views"][QUERY]
        logits = self.painter(self.encoder(images, training=True, maps=[LAST])[LAST])
        colors = self.colors(images, logits.shape[1])
        right = tf.argmax(logits, axis=3) == tf.argmax(colors, axis=3)
        self.record("accuracy", tf.reduce_mean(tf.cast(right, tf.float32), axis=[1, 2]))
        losses = tf.nn.softmax_cross_entropy_with_logits(colors, logits)
        return {"color": tf.reduce_mean(losses, axis=[1, 2])}, ()
