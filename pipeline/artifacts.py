"""What steps hand to one another: the types of artifacts that TFX does not have, and the names of the files in them.

Compiled jobs name the types as `pipeline.<Type>`, which `pipeline.__getattr__` answers.
"""

from __future__ import annotations

from tfx.types.artifact import Artifact

DATA_REPORT_FILE = "report.json"  # in a DataReport
PAGE_FILE = "report.html"  # in a RunReport
RUN_FOLDER = "run"  # the library's run folder, in the artifacts that carry one: ModelRun, and the model to be judged
PROBES_FILE = "probes.json"  # beside the model to be judged: its outputs, one for each linear probe of a representation
VERDICT_FILE = "gate.json"  # in a ModelEvaluation: every output with its thresholds, and the reasons of a refusal


class DataReport(Artifact):
    """What was found in the pictures: `report.json`."""

    TYPE_NAME = "pipeline.DataReport"


class Embeddings(Artifact):
    """`<split>-*.parquet`: a column `id` and, per representation, one of lists of float32."""

    TYPE_NAME = "pipeline.Embeddings"


class RunReport(Artifact):
    """`report.html`, a page of its own."""

    TYPE_NAME = "pipeline.RunReport"
