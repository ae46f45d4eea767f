"""The frozen-feature protocol: what each representation of a trained encoder still knows, and how surely.

`evaluate` gives the records of `results.json`; what becomes of them then is the affair of `looc_tf.results`, of which
the first names are here as well.

>>> import numpy as np
>>> from looc_tf import evaluate
>>> known, asked = np.eye(4), np.eye(4)[:2]
>>> evaluate.knn_accuracy(known, np.array([0, 1, 0, 1]), asked, np.array([0, 0]), k=1)
50.0
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
