"""What a person looks at: tables, figures, the page of a run, the demo."""

from looc_tf.report.runs import Evaluated, embedder_of, evaluate_run, export_run
from looc_tf.results import read_runs

__all__ = ["Evaluated", "embedder_of", "evaluate_run", "export_run", "read_runs"]
