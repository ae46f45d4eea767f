"""Resolvers of the local runner: which earlier model and statistics a run is compared with.

TFX's own strategies take the latest artifact whatever it is. A second run from the cache would then be compared with
itself, its gate and its push would run again, and a second copy of the same model would be pushed. These leave out what
the run itself has made, so that a run from the cache is compared with what it was compared with before.
"""

from __future__ import annotations

from typing import Any, Optional

from tfx.dsl.components.common import resolver
from tfx.types import Artifact

Artifacts = dict[str, list[Artifact]]


class LatestOtherBlessed(resolver.ResolverStrategy):
    """Of `model`, the latest that a `blessing` blesses and that is not the `candidate`."""

    def resolve_artifacts(self, store: Any, input_dict: Artifacts) -> Optional[Artifacts]:
        own = {artifact.id for artifact in input_dict["candidate"]}
        given = {
            blessing.get_int_custom_property("current_model_id"): blessing.id
            for blessing in sorted(input_dict["blessing"], key=lambda blessing: blessing.id)
            if blessing.get_int_custom_property("blessed") == 1
        }
        models = [model for model in input_dict["model"] if model.id in given and model.id not in own]
        latest = max(models, key=lambda model: given[model.id], default=None)
        return {**input_dict, "model": [latest] if latest else []}


class LatestOther(resolver.ResolverStrategy):
    """Of `earlier`, the latest that is not the `current` one."""

    def resolve_artifacts(self, store: Any, input_dict: Artifacts) -> Optional[Artifacts]:
        own = {artifact.id for artifact in input_dict["current"]}
        others = [artifact for artifact in input_dict["earlier"] if artifact.id not in own]
        latest = max(others, key=lambda artifact: artifact.id, default=None)
        return {**input_dict, "earlier": [latest] if latest else []}
