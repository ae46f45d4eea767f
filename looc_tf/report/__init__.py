"""What a person looks at: tables, figures, the page of a run, the demo."""

from looc_tf.report.runs import embedder_of, evaluate_run, export_run, read_runs

__all__ = ["embedder_of", "evaluate_run", "export_run", "read_runs"]
