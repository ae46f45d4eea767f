"""The frozen-feature protocol: what each representation of a trained encoder still knows, and how surely.

`evaluate` gives the records of `results.json`; `summarise` and `difference` give means and intervals over seeds;
`tables` and `matrix` show them.
"""

from looc_tf.evaluate.knn import knn_accuracy
from looc_tf.evaluate.protocol import Reading, chance, evaluate, readings
from looc_tf.evaluate.results import read_results, write_results

__all__ = [
    "Reading",
    "chance",
    "evaluate",
    "knn_accuracy",
    "read_results",
    "readings",
    "write_results",
]
