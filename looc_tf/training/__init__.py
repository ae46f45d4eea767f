"""Training an experiment into a run folder, and fine-tuning the run of one."""

from looc_tf.training.finetune import finetune, finetuning
from looc_tf.training.fit import train

__all__ = ["finetune", "finetuning", "train"]
