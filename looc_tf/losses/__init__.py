"""Pure functions of embeddings; no state, no Keras.

>>> from looc_tf import losses
>>> losses.cosine([[1.0, 0.0]], [[0.0, 1.0]]).numpy()
array([0.], dtype=float32)
"""

from looc_tf.losses.clusters import cross_entropy, sinkhorn
from looc_tf.losses.cosine import cosine, nearest_of, ranking
from looc_tf.losses.info_nce import contrast, info_nce
from looc_tf.losses.likeness import likeness, likeness_of_all
from looc_tf.losses.local import local_info_nce, local_jsd
from looc_tf.losses.nce import log_partition, nce, softmax_nce
from looc_tf.losses.nt_xent import in_batch

TEMPERATURES = (1e-4, 1e4)  # least and largest: beyond them float32 holds no softmax of similarities

__all__ = [
    "TEMPERATURES",
    "contrast",
    "cosine",
    "cross_entropy",
    "in_batch",
    "info_nce",
    "likeness",
    "likeness_of_all",
    "local_info_nce",
    "local_jsd",
    "log_partition",
    "nce",
    "nearest_of",
    "ranking",
    "sinkhorn",
    "softmax_nce",
]
