"""Training an experiment into a run folder, and fine-tuning the run of one.

>>> import looc_tf
>>> changes = ["training.steps=0", "training.batch=8", "data.size=32"]
>>> pictures = looc_tf.source_of([[[0]]] * 8, size=32, labels=[0, 1] * 4)
>>> folder = looc_tf.train(looc_tf.load_config("factors/looc", changes), "runs/random", source=pictures)
>>> looc_tf.training.finetuning(folder, fraction=0.5).method.fraction
0.5
"""

from looc_tf.training.finetune import finetune, finetuning
from looc_tf.training.fit import train

__all__ = ["finetune", "finetuning", "train"]
