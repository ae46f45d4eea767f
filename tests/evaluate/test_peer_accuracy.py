"""Features of another library are read by the protocol that reads ours: the same rows give the same accuracies."""

import numpy as np
import tensorflow as tf

from benchmarks.peer_accuracy import READ, accuracies, pictures_of
from looc_tf.config import Evaluation
from looc_tf.data import source_of
from looc_tf.evaluate import evaluate

SIDE, CLASSES = 8, 3


def part(split, count, seed):
    """Noise, a little brighter in each class."""
    random = np.random.default_rng(seed)
    labels = random.permutation(count) % CLASSES
    pictures = random.integers(0, 200, (count, SIDE, SIDE, 3)) + 20 * labels[:, None, None, None]
    return source_of(pictures.astype(np.uint8), labels, split=split, classes=["a", "b", "c"])


def embed(images):
    """Four numbers of a picture, none of which tells the class alone."""
    pixels = tf.cast(images, tf.float32) / 255
    return {"trunk": tf.concat([tf.reduce_mean(pixels, [1, 2]), tf.math.reduce_std(pixels, [1, 2, 3])[:, None]], 1)}


def agree(sources, settings):
    rows = {name: embed(pictures_of(source))["trunk"].numpy() for name, source in sources.items()}
    ours = evaluate(embed, sources, settings, run="", method="", seed=0)
    assert accuracies(rows, sources, settings) == {each["probe"]: each["value"] for each in ours}


def test_the_same_features_read_the_same_with_a_validation_part_and_without():
    sources = {"train": part("train", 90, 0), "test": part("test", 30, 1)}
    settings = Evaluation(probes=("object", "knn"), neighbors=(1, 3), strengths=(0.1, 1.0), limit=60)
    assert set(settings.probes) == set(READ)
    agree(sources, settings)
    agree({**sources, "validation": part("validation", 20, 2)}, settings)
