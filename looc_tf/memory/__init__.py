"""What a method remembers from step to step.

>>> import tensorflow as tf
>>> from looc_tf import memory
>>> recent = memory.Fifo("recent", rows=8, dimension=2)
>>> recent.commit(tf.ones([3, 2]))
>>> int(recent.entered)
3
"""

from looc_tf.memory.bank import Bank
from looc_tf.memory.center import Center
from looc_tf.memory.embedding_space import EmbeddingSpace
from looc_tf.memory.fifo import Fifo

__all__ = ["Bank", "Center", "EmbeddingSpace", "Fifo"]
