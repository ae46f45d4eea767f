"""Backbones, heads, the encoder made of them and its slow copy."""

from looc_tf.models.encoder import Encoder, check_model
from looc_tf.models.heads import HEADS, bottleneck
from looc_tf.models.normalization import for_queries
from looc_tf.models.slow_copy import follow, follow_each, rising, start_from

__all__ = [
    "HEADS",
    "Encoder",
    "bottleneck",
    "check_model",
    "follow",
    "follow_each",
    "for_queries",
    "rising",
    "start_from",
]
