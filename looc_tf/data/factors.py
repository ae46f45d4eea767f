"""`factors`: a generated TFDS set that holds the ground truth of what the method claims.

Objects of twelve shapes in eight hues and six textures, tilted, of varied size and place, over backdrops and clutter of
other colors. Light falls from above, so the way up can be seen, but not from the outline of the shape alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from looc_tf.data.scene import HUES, OBJECTS, TEXTURES, Scene, draw_scene

SEED = 2008_05659
SIZE = 64
COUNTS = {"train": 8000, "validation": 1000, "test": 2000}


def scene(split: str, index: int, seed: int = SEED) -> Scene:
    """Picture `index` of a split; it depends on nothing but its arguments.

    Example:
        >>> scene("test", 0).image.shape
        (64, 64, 3)
    """
    generator = np.random.Generator(np.random.PCG64([seed, list(COUNTS).index(split), index]))
    return draw_scene(generator, SIZE)


def examples(split: str, count: int | None = None, seed: int = SEED) -> Iterator[tuple[int, dict[str, Any]]]:
    """(index, {image: PNG file, label, hue, texture, id}) of the first `count` pictures of a split, or of all."""
    from PIL import Image

    for index in range(COUNTS[split] if count is None else count):
        drawn = scene(split, index, seed)
        file = io.BytesIO()  # TFDS passes files through; encoding arrays itself it takes a fifth longer
        Image.fromarray(drawn.image).save(file, "PNG", compress_level=3)
        file.seek(0)
        names = {"label": OBJECTS[drawn.label], "hue": HUES[drawn.hue], "texture": TEXTURES[drawn.texture]}
        yield index, {"image": file, **names, "id": f"{split}/{index:05d}"}


class Factors(tfds.core.GeneratorBasedBuilder):
    """Objects of known shape, hue and texture under light from above, 64 px: 8,000 / 1,000 / 2,000 pictures."""

    VERSION = tfds.core.Version("1.1.0")  # raise it with every change of a pixel: prepared copies are found by it
    RELEASE_NOTES: ClassVar[dict[str, str]] = {
        "1.1.0": "Upright poses, calmer colors.",
        "1.0.1": "Smooth reliefs and shadows.",
        "1.0.0": "First version.",
    }

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.FeaturesDict({
            "image": tfds.features.Image(shape=(SIZE, SIZE, 3), encoding_format="png"),
            "label": tfds.features.ClassLabel(names=OBJECTS),
            "hue": tfds.features.ClassLabel(names=HUES),
            "texture": tfds.features.ClassLabel(names=TEXTURES),
            "id": tfds.features.Text(),
        })  # fmt: skip
        return self.dataset_info_from_configs(
            features=features, supervised_keys=("image", "label"), description=__doc__
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        del dl_manager  # nothing is downloaded
        return {split: self._generate_examples(split) for split in COUNTS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from examples(split)
