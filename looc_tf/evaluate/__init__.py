"""The frozen-feature protocol: what each representation of a trained encoder still knows, and how surely.

`evaluate` gives the records of `results.json`; what becomes of them then is the affair of `looc_tf.results`, of which
the first names are here as well.
"""

from looc_tf.evaluate.classifier import classifier_reading
from looc_tf.evaluate.knn import knn_accuracy
from looc_tf.evaluate.probe_result import Fitted
from looc_tf.evaluate.probes import LINEAR_PROBES, check
from looc_tf.evaluate.protocol import chance, choose_pictures, evaluate, readings
from looc_tf.evaluate.questions import Question
from looc_tf.evaluate.readings import Reading
from looc_tf.results import Estimate, difference, read_results, summarise, write_results

__all__ = [
    "LINEAR_PROBES",
    "Estimate",
    "Fitted",
    "Question",
    "Reading",
    "chance",
    "check",
    "choose_pictures",
    "classifier_reading",
    "difference",
    "evaluate",
    "knn_accuracy",
    "read_results",
    "readings",
    "summarise",
    "write_results",
]
