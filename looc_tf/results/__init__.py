"""What evaluations have measured, as records: written, read, averaged over seeds, shown. It needs no TensorFlow.

`tables` shows records as text and `figure` as a picture; `looc compare` is this room alone.

>>> from looc_tf import results
>>> shared = {"run": "r", "method": "looc", "representation": "trunk", "probe": "hue"}
>>> records = [{**shared, "seed": seed, "value": value} for seed, value in enumerate([80.0, 82.0, 84.0])]
>>> [(key, estimate)] = results.summarise(records).items()
>>> key, f"{estimate.mean:.1f} ± {estimate.half:.1f}", estimate.count
(('looc', 'trunk', 'hue'), '82.0 ± 5.0', 3)
"""

from looc_tf.results.levels import LEVELS
from looc_tf.results.records import Provenance, apart, by_data, read_results, read_runs, write_results
from looc_tf.results.summary import Estimate, comparison, difference, minus, summarise

__all__ = [
    "LEVELS",
    "Estimate",
    "Provenance",
    "apart",
    "by_data",
    "comparison",
    "difference",
    "minus",
    "read_results",
    "read_runs",
    "summarise",
    "write_results",
]
