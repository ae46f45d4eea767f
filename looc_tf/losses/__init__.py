"""Pure functions of embeddings; no state, no Keras."""

from looc_tf.losses.info_nce import contrast, info_nce

__all__ = ["contrast", "info_nce"]
