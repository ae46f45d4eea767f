"""Writing whole or not at all: work happens in a hidden folder beside the target, and one rename ends it."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def scratch(target: Path) -> Iterator[Path]:
    """Yields a new folder on the file system of `target`, to be filled and renamed, or to move files out of.

    Whatever is left of it is removed at the end, and so are folders above `target` that had to be made and stayed
    empty. Its name starts with a dot and is no number, so a server that watches for versions never loads it.
    """
    made = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    folder = target.parent / f".tmp-{target.name}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True)  # not tempfile's, which only their owner can read
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in made:
            with contextlib.suppress(OSError):
                parent.rmdir()
