"""What a method remembers from step to step."""

from looc_tf.memory.center import Center
from looc_tf.memory.embedding_space import EmbeddingSpace
from looc_tf.memory.fifo import Fifo

__all__ = ["Center", "EmbeddingSpace", "Fifo"]
