"""Pictures that are NumPy arrays in a notebook: train, embed, and ask the nearest neighbors. A few minutes.

python examples/own_arrays.py                          # generated pictures
python examples/own_arrays.py --arrays pictures.npz    # `images` [N, H, W, 3] and `labels` [N], of your own
"""

import argparse

import numpy as np

import looc_tf
from looc_tf.evaluate import knn_accuracy

parser = argparse.ArgumentParser()
parser.add_argument("--arrays", help="an .npz file")
parser.add_argument("--steps", type=int, default=200)
options = parser.parse_args()

# 1. Arrays. uint8 is taken as it is; floats in [0, 1] or in 0..255 do as well, and so does grey [N, H, W].
if options.arrays:
    file = np.load(options.arrays)
    images, labels = file["images"], file["labels"]
else:
    drawn = looc_tf.open_source("factors", "train", size=32, limit=400).fetch(range(400))
    images, labels = drawn["image"].numpy(), drawn["label"].numpy()

# 2. A source of them, cut into parts by a hash of each picture's place: the same parts wherever this runs.
parts = looc_tf.parts_of(images, labels, size=32)
print({split: len(part) for split, part in parts.items()})

# 3. A config says the views, the network and the method; any field can be changed.
experiment = looc_tf.load_config(
    "factors/looc", ["data.size=32", "training.batch=32", "method.key_groups=4", "optimizer.learning_rate=0.03"]
)
plan = looc_tf.build_plan(experiment)
batches = looc_tf.training_batches(parts["train"], plan, batch=32, steps=options.steps)

# 4. A method is a Keras model. The steps are those of the whole training; epochs only say how often Keras reports.
method = looc_tf.build_method(experiment)
method.compile(optimizer=looc_tf.build_optimizer(experiment.optimizer, steps=options.steps))
method.fit(batches, epochs=2)

# 5. Embeddings: of a whole source, or of pictures in 0..255, also of a single one.
embed = looc_tf.Embedder(method.encoder, data_size=32, view_size=32)
rows = {split: embed(part) for split, part in parts.items()}
one = parts["test"].fetch([0])["image"][0]
print({name: tuple(vectors.shape) for name, vectors in embed(one).items()})

# 6. How often the ten nearest training pictures vote for the right label, in each representation.
truth = {split: part.labels["label"] for split, part in parts.items()}
for name in rows["train"]:
    accuracy = knn_accuracy(rows["train"][name].numpy(), truth["train"], rows["test"][name].numpy(), truth["test"], 10)
    print(f"{name:10} {accuracy:5.1f} %")
