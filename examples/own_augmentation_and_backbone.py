"""An augmentation and a network of your own, in a training with a space that keeps what the augmentation varies.

python examples/own_augmentation_and_backbone.py
"""

import argparse

import tensorflow as tf
from tensorflow import keras

import looc_tf
from looc_tf.augment import AUGMENTATIONS

parser = argparse.ArgumentParser()
parser.add_argument("--pictures", default="factors", help="a folder of your own")
parser.add_argument("--steps", type=int, default=30)
options = parser.parse_args()


# 1. An augmentation: `sample` turns uniform numbers into parameters, `apply` uses them and draws nothing. So two views
#    can share a draw, and that is how a space is told what to notice.
class Fog(looc_tf.Augmentation):
    """Mixes each picture with white."""

    numbers = 1  # uniform numbers that a draw takes
    settings = ("most",)  # arguments of the constructor

    def __init__(self, most: float = 0.7, **options):
        super().__init__(**options)
        self.most = most

    def sample(self, u):
        return {"white": self.most * u[:, 0]}

    def apply(self, images, parameters):
        white = parameters["white"][:, None, None, None]
        return images * (1 - white) + white


AUGMENTATIONS["fog"] = Fog  # from now on configs know it

# 2. A network: any Keras model from pictures to a map or a row of features.
layers = keras.layers
network = keras.Sequential([keras.Input([None, None, 3])])
for width in (16, 32, 64):
    network.add(layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False))
    network.add(layers.BatchNormalization())
    network.add(layers.ReLU())

# 3. A space that shares the fog between query and key must tell clear pictures from foggy ones.
spaces = "method.spaces=[{name: all, queue: 256}, {name: fog, shares: [fog], queue: 256}]"
changes = ["views.chain={crop: {}, fog: {most: 0.8}}", spaces, "method.key_batch_norm=plain", "training.batch=32"]
experiment = looc_tf.load_config("factors/looc", changes)
source = looc_tf.open_source(options.pictures, "train", size=64, limit=256)
batches = looc_tf.training_batches(source, looc_tf.build_plan(experiment), batch=32, steps=options.steps)
method = looc_tf.build_method(experiment, backbone=network)
method.compile(optimizer=looc_tf.build_optimizer(experiment.optimizer, steps=options.steps))
print("loss", method.fit(batches, verbose=0).history["loss"])
print({name: tuple(rows.shape) for name, rows in method(tf.zeros([1, 32, 32, 3])).items()})
