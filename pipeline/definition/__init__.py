"""The pipeline itself: `create_pipeline` makes it from `PipelineSettings`."""

from pipeline.definition.create import create_pipeline
from pipeline.definition.settings import NAME, PipelineSettings

__all__ = ["NAME", "PipelineSettings", "create_pipeline"]
