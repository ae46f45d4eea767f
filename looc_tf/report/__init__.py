"""What a person looks at: tables, figures, the page of a run, the demo.

>>> import looc_tf
>>> changes = ["training.steps=0", "training.batch=8", "data.size=32", "evaluation.probes=[knn]"]
>>> parts = looc_tf.parts_of([[[0]]] * 40, size=32, labels=[0, 1] * 20)
>>> experiment = looc_tf.load_config("factors/looc", changes)
>>> folder = looc_tf.train(experiment, "runs/random", source=parts["train"])
>>> evaluated = looc_tf.report.evaluate_run(folder, sources=parts, page=False)
>>> [(record["representation"], record["probe"]) for record in evaluated.records][:2]
[('trunk', 'knn'), ('all', 'knn')]
"""

from looc_tf.report.advice import Advised, advise_run
from looc_tf.report.finetuned import Finetuned, measure_finetuned
from looc_tf.report.runs import Evaluated, evaluate_run, export_run

__all__ = ["Advised", "Evaluated", "Finetuned", "advise_run", "evaluate_run", "export_run", "measure_finetuned"]
