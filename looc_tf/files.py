"""Writing files and folders whole or not at all: beside the target first, then into its place with one rename."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from looc_tf.errors import UserError

_PATTERN = set("*?[\\")  # what TensorFlow reads as a pattern in the name of a file
_LONGEST = 255  # bytes of a file's name, on all common file systems


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Writes `content` beside `path` and moves it into place, so that no reader ever sees half a file.

    Raises:
        UserError: the disk is full, or the folder cannot be written.
    """
    path = Path(path)
    temporary = _beside(path, ".", f".looc-{os.getpid()}")
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
    folder = _beside(target, ".tmp-", f"-{secrets.token_hex(4)}")
    try:
        folder.mkdir(parents=True)  # not tempfile's, which only their owner can read
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in made:
            with suppress(OSError):
                parent.rmdir()


@contextmanager
def without_patterns(folder: Path) -> Iterator[Path]:
    """Yields a name of an existing folder that TensorFlow takes literally, for as long as the block lasts.

    Before TensorFlow reads a checkpoint or a SavedModel it looks for the file by its name as a pattern, and then opens
    that very name: a folder such as `lr[0.1]` is not found, and escaping the pattern would not help. A link of another
    name leads to the same files.
    """
    if os.name == "nt" or not _PATTERN & set(str(folder)):  # Windows takes no * or ? in a name, and [ for no pattern
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="looc-", dir=_plain_temporary()) as place:
        link = Path(place, "folder")
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link


def _plain_temporary() -> str | None:
    """Where to make a temporary folder: the usual place (None), or another one where that has a pattern for a name."""
    return "/tmp" if _PATTERN & set(tempfile.gettempdir()) else None


_OTHER = "Free space, or name another folder"
_REMEDIES = {
    errno.ENOENT: "Make its folder first, or name another",
    errno.EACCES: "Name a folder that you may write to",
}


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turns a failure to write `path` inside of the block into a `UserError` of one line."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"Expected to write {str(path)!r}: {error.strerror or error}. {_REMEDIES.get(error.errno or 0, _OTHER)}."
        ) from error


def typed(path: str | Path) -> str:
    """A path as one types it into a shell: quoted where it must be, and never taken for an option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def _beside(path: Path, before: str, after: str) -> Path:
    """A name beside `path`, made of its own name, which is cut where the whole would be too long for a file system."""
    name, room = path.name, _LONGEST - len(before) - len(after)
    while len(os.fsencode(name)) > room:
        name = name[:-1]
    return path.with_name(f"{before}{name}{after}")


def remove_temporaries(folder: Path) -> None:
    """Removes what a `write_atomically` that was killed has left in a folder."""
    for path in folder.iterdir():
        if is_temporary(path):
            path.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Whether a name is one that `write_atomically` writes to, of a process that may have been killed."""
    return bool(re.fullmatch(r"\..+\.looc-\d+", path.name)) and path.is_file()
