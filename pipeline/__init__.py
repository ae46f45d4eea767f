"""The TFX pipeline: pictures to a judged, pushed, servable encoder. Nothing outside of this package imports tfx.

Importing it is cheap. `looc pipeline --help` shows what it offers; `pipeline.definition.create_pipeline` makes it.
"""

from __future__ import annotations

from typing import Any

# Compiled jobs name the types of artifacts that are ours as `pipeline.<Type>`: TFX allows one dot.
_ARTIFACTS = ("DataReport", "Embeddings", "RunReport")


def __getattr__(name: str) -> Any:
    """The types of artifacts, imported with TFX at their first use (PEP 562)."""
    if name in _ARTIFACTS:
        from pipeline import artifacts

        return getattr(artifacts, name)
    raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
