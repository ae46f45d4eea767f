"""Pure functions of embeddings; no state, no Keras."""

from looc_tf.losses.info_nce import contrast, info_nce
from looc_tf.losses.nt_xent import in_batch

__all__ = ["contrast", "in_batch", "info_nce"]
