"""Backbones, heads, the encoder made of them and its slow copy.

>>> from looc_tf import config, models
>>> models.Encoder(config.Model(width=4), ["all"]).dimension("trunk")
32
"""

from looc_tf.models.encoder import Encoder, check_model
from looc_tf.models.heads import HEADS, bottleneck
from looc_tf.models.initial import begin_with
from looc_tf.models.normalization import for_queries
from looc_tf.models.of_grid import OfGrid
from looc_tf.models.own_backbone import BACKBONES, copy_of
from looc_tf.models.precision import precision
from looc_tf.models.slow_copy import follow, follow_each, rising, start_from

__all__ = [
    "BACKBONES",
    "HEADS",
    "Encoder",
    "OfGrid",
    "begin_with",
    "bottleneck",
    "check_model",
    "copy_of",
    "follow",
    "follow_each",
    "for_queries",
    "precision",
    "rising",
    "start_from",
]
