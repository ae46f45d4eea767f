"""The types of artifacts that TFX does not have; `pipeline.__getattr__` gives them to compiled jobs."""

from __future__ import annotations

from tfx.types.artifact import Artifact


class DataReport(Artifact):
    """What was found in the pictures: `report.json`."""

    TYPE_NAME = "pipeline.DataReport"


class Embeddings(Artifact):
    """`<split>-*.parquet`: a column `id` and, per representation, one of lists of float32."""

    TYPE_NAME = "pipeline.Embeddings"


class RunReport(Artifact):
    """`report.html`, a page of its own."""

    TYPE_NAME = "pipeline.RunReport"
