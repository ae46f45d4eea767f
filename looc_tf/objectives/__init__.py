"""What the embedding spaces of pair methods ask of their views, one kind of objective a file."""

from looc_tf.objectives.aligned import Aligned
from looc_tf.objectives.base import Compared, Objective
from looc_tf.objectives.clustered import Clustered
from looc_tf.objectives.distilled import Distilled
from looc_tf.objectives.in_batch import InBatch
from looc_tf.objectives.predicted import Predicted

__all__ = ["Aligned", "Clustered", "Compared", "Distilled", "InBatch", "Objective", "Predicted"]
