"""Copies of pictures under ImageNet-C's corruptions at five severities, the same at every call."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from looc_tf.data.splits import stable_hash
from looc_tf.evaluate.weathered import FUNCTIONS

# Of ImageNet-C's fifteen; not among them: motion_blur and snow, for which tensorflow-datasets calls ImageMagick, and
# elastic_transform, whose shifts are in pixels of a picture of 244 px and which needs OpenCV.
GROUPS: dict[str, tuple[str, ...]] = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "zoom_blur"),
    "weather": ("frost", "fog", "brightness"),
    "digital": ("contrast", "pixelate", "jpeg_compression"),
}
SEVERITIES = (1, 2, 3, 4, 5)


def corrupted(name: str) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
    """The copies called `corrupted/NAME`, such as `fog/3`: batch of the source -> uint8 [B, S, S, 3].

    What is drawn for a picture hangs on its id, the corruption and the severity alone.
    """
    kind, _, severity = name.partition("/")

    def copies(batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        seeds = stable_hash(np.array([each.decode() for each in batch["id"].numpy()], object), name) % np.uint64(2**32)
        pictures = [corrupt(each, kind, int(severity), int(seed)) for each, seed in zip(batch["image"].numpy(), seeds)]
        return tf.constant(np.stack(pictures))

    return copies


def corrupt(picture: np.ndarray, kind: str, severity: int, seed: int) -> np.ndarray:
    """One picture, uint8 [S, S, 3], by the function of this name in tensorflow-datasets, or by our own."""
    if kind in FUNCTIONS:
        return FUNCTIONS[kind](picture, severity, np.random.RandomState(seed))
    from tensorflow_datasets.image_classification import corruptions  # seconds of import

    with _seeded(seed):
        return getattr(corruptions, kind)(picture, severity)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """NumPy's global generator at a seed, and after that where it was: those functions draw from no other."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
