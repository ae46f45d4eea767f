"""Writing files and folders whole or not at all: beside the target first, then into its place with one rename."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from looc_tf.errors import UserError


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Writes `content` beside `path` and moves it into place, so that no reader ever sees half a file.

    Raises:
        UserError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.looc-{os.getpid()}")
    with writing(path):
        try:
            temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
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
            with suppress(OSError):
                parent.rmdir()


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turns a failure to write `path` inside of the block into a `UserError` of one line."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Expected to write {str(path)!r}: {error.strerror or error}. Free space, or name another folder."
        ) from error


def remove_temporaries(folder: Path) -> None:
    """Removes what a `write_atomically` that was killed has left in a folder."""
    for path in folder.iterdir():
        if is_temporary(path):
            path.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Whether a name is one that `write_atomically` writes to, of a process that may have been killed."""
    return bool(re.fullmatch(r"\..+\.looc-\d+", path.name)) and path.is_file()
