"""The frozen-feature protocol: what each representation of a trained encoder still knows, and how surely.

`evaluate` gives the records of `results.json`; `summarise` and `difference` give means and intervals over seeds;
`tables` and `matrix` show them.
"""

from looc_tf.evaluate.choice import Fitted
from looc_tf.evaluate.knn import knn_accuracy
from looc_tf.evaluate.probes import LINEAR_PROBES, check
from looc_tf.evaluate.protocol import Reading, chance, evaluate, readings
from looc_tf.evaluate.results import read_results, write_results
from looc_tf.evaluate.summary import Estimate, difference, summarise

__all__ = [
    "LINEAR_PROBES",
    "Estimate",
    "Fitted",
    "Reading",
    "chance",
    "check",
    "difference",
    "evaluate",
    "knn_accuracy",
    "read_results",
    "readings",
    "summarise",
    "write_results",
]
