"""What a person looks at: tables, figures, the page of a run, the demo."""

from looc_tf.report.advice import Advised, advise_run
from looc_tf.report.finetuned import Finetuned, measure_finetuned
from looc_tf.report.runs import Evaluated, evaluate_run, export_run

__all__ = ["Advised", "Evaluated", "Finetuned", "advise_run", "evaluate_run", "export_run", "measure_finetuned"]
