"""Backbones, heads, the encoder made of them and its slow copy."""

from looc_tf.models.encoder import Encoder, check_model
from looc_tf.models.initial import begin_with
from looc_tf.models.own_backbone import BACKBONES, copy_of
from looc_tf.models.precision import precision
from looc_tf.models.slow_copy import follow, start_from

__all__ = ["BACKBONES", "Encoder", "begin_with", "check_model", "copy_of", "follow", "precision", "start_from"]
