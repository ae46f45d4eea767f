"""Sources whose pictures are rows of generated numbers, and the embedder that reads these back: no network at all."""

import numpy as np
import tensorflow as tf

SIZE = 4  # pixels of a side: 48 numbers a picture


class Generated:
    """Pictures of one part; the label is known to each number alike, a little.

    Args:
        count: of pictures.
        seed: of them.
        classes: of the labels.
        noise: the deviation within a class, where class centers have one of 20.
    """

    size = SIZE

    def __init__(self, count, seed, classes, noise):
        draw = np.random.default_rng(seed)
        centers = np.random.default_rng(classes).normal(0, 20, (classes, SIZE * SIZE * 3))
        self.label = draw.permutation(np.arange(count) % classes)
        rows = 128 + centers[self.label] + draw.normal(0, noise, (count, SIZE * SIZE * 3))
        self.images = np.clip(rows, 0, 255).astype(np.uint8).reshape(count, SIZE, SIZE, 3)
        self.fields = {"label": tuple(f"class {number}" for number in range(classes))}
        self.ids = np.array([f"{seed}/{number:05d}" for number in range(count)])

    def __len__(self):
        return len(self.images)

    @property
    def labels(self):
        return {"label": self.label}

    def fetch(self, indices):
        batch = {"image": self.images, "label": self.label, "id": self.ids}
        return {key: tf.gather(tf.constant(value), indices) for key, value in batch.items()}


def sources_of(sizes, classes=3, noise=60.0):
    """{part: source} of so many pictures each."""
    return {part: Generated(count, seed, classes, noise) for seed, (part, count) in enumerate(sizes.items())}


def columns(images):
    """An embedder of one representation: the numbers of a picture."""
    return {"trunk": tf.reshape(tf.cast(images, tf.float32), [len(images), -1])}


def rows_of(source):
    """What `columns` gives of a source, float32 [N, 48], and the labels."""
    return source.images.reshape(len(source), -1).astype(np.float32), source.label
