"""Backbones, heads, the encoder made of them and its slow copy."""

from looc_tf.models.encoder import Encoder
from looc_tf.models.slow_copy import follow, start_from

__all__ = ["Encoder", "follow", "start_from"]
