"""What embedding spaces ask of views, one kind of objective a file."""

from looc_tf.objectives.aligned import Aligned
from looc_tf.objectives.base import Compared, Objective
from looc_tf.objectives.clustered import Clustered
from looc_tf.objectives.distilled import Distilled
from looc_tf.objectives.in_batch import InBatch
from looc_tf.objectives.instances import KINDS as INSTANCES
from looc_tf.objectives.instances import Instances
from looc_tf.objectives.predicted import Predicted

__all__ = [
    "INSTANCES",
    "Aligned",
    "Clustered",
    "Compared",
    "Distilled",
    "InBatch",
    "Instances",
    "Objective",
    "Predicted",
]
