"""Training an experiment into a run folder."""

from looc_tf.training.fit import train

__all__ = ["train"]
