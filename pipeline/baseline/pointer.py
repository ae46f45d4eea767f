"""The pointer: a file that names what the latest blessed run made, for Kubeflow, which has no resolvers.

`Push` writes it, `{"model": URI, "statistics": URI}`; `Gate`, `CheckData` and a `Pretrain` that starts warm read it.
"""

from __future__ import annotations

import json
from typing import TypeVar

from tfx.dsl.io import fileio
from tfx.types import Artifact

from looc_tf.errors import UserError
from pipeline.storage import read_text, write_text

Kind = TypeVar("Kind", bound=Artifact)


def write_pointer(path: str, **uris: str) -> None:
    """Writes the pointer: name -> URI of an artifact."""
    write_text(path, json.dumps(uris) + "\n")


def read_pointer(path: str, name: str, kind: type[Kind]) -> Kind | None:
    """The artifact that the pointer calls `name`; None without a path, without a file, or where it is not named.

    Raises:
        UserError: the file is no pointer.
    """
    if not path or not fileio.exists(path):
        return None
    try:
        uri = json.loads(read_text(path)).get(name)
    except (ValueError, AttributeError) as error:
        raise UserError(
            f'Expected a pointer that Push has written, {{"model": URI, ...}}, in {path}: {error}.'
        ) from error
    if not uri:
        return None
    artifact = kind()
    artifact.uri = uri
    return artifact
