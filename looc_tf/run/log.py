"""The log of a run: RUN/train.log, and the same lines on standard error where no bar shows them."""

from __future__ import annotations

import contextlib
import contextvars
import errno
import importlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from looc_tf.errors import UserError, reason
from looc_tf.files import writing
from looc_tf.progress import on_terminal


def _module(name: str) -> Any:
    """A module of some systems, None on the others."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


fcntl, msvcrt = _module("fcntl"), _module("msvcrt")  # Windows has no fcntl, and has msvcrt

log = logging.getLogger(__name__)

# How a lock is refused that another process has; the last is Windows's.
HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
FAR = 2**30  # the byte of the log that is locked on Windows, where nobody else can read what is

FILE_ALONE = {"file_alone": True}  # log.debug(..., extra=FILE_ALONE): for RUN/train.log and no screen
COUNTS = {"counts": True}  # how many pictures there are: for no screen that was told so before
_TOLD = contextvars.ContextVar("told", default=False)


@contextlib.contextmanager
def counts_told() -> Iterator[None]:
    """For trainings on pictures whose counts a screen was told already."""
    token = _TOLD.set(True)
    try:
        yield
    finally:
        _TOLD.reset(token)


def _for_screen(record: logging.LogRecord) -> bool:
    return not getattr(record, "file_alone", False) and not (_TOLD.get() and getattr(record, "counts", False))


@contextlib.contextmanager
def without_advice(*beginnings: str) -> Iterator[None]:
    """Keeps lines off TensorFlow's and Keras's log that begin so, and nothing else."""
    logger = logging.getLogger("tensorflow")  # where Keras logs, too

    def others(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(beginnings)

    logger.addFilter(others)
    try:
        yield
    finally:
        logger.removeFilter(others)


class _Standard(logging.StreamHandler):
    """Lines to whatever `sys.stderr` is now: a progress bar puts itself in its place."""

    def __init__(self, level: int):
        logging.Handler.__init__(self, level)
        self.addFilter(_for_screen)

    @property
    def stream(self) -> Any:
        return sys.stderr

    def format(self, record: logging.LogRecord) -> str:
        marked = "looc: warning: " if record.levelno >= logging.WARNING else ""
        return marked + super().format(record)


class _File(logging.FileHandler):
    """Lines to RUN/train.log. A disk that is full is told of once: whether a run can go on, its checkpoints decide."""

    told = False

    def handleError(self, record: logging.LogRecord) -> None:
        if not self.told:
            self.told = True
            print(f"looc: warning: {self.baseFilename} cannot be written: {sys.exc_info()[1]}", file=sys.stderr)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # of the lines that are still waiting
            super().close()


@contextlib.contextmanager
def logging_to(out: Path) -> Iterator[None]:
    """For the length of a run, what the library logs goes to RUN/train.log and to standard error.

    On a terminal, where a bar shows how it goes, the lines of each step go to the file alone; what is logged as
    `FILE_ALONE` always does. The log has one writer, and so has the run: the lock on it ends with the process, however
    that ends. Where files cannot be locked (some network file systems) the run goes on, with a warning. A block that is
    left by an error before anything else is in the folder leaves no log, and no folder that was not there.

    Raises:
        UserError: another process trains into the folder, or the log cannot be written.
    """
    made = [*_missing(out / "train.log")]
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        file = _File(out / "train.log", encoding="utf-8")
    unprotected = _lock(file, out)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handlers = [file, _Standard(logging.INFO if on_terminal() else logging.DEBUG)]
    logger = logging.getLogger("looc_tf")
    level, propagate = logger.level, logger.propagate
    for handler in handlers:
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # a handler of the root logger, such as absl's, would print every line again
    try:
        if unprotected:
            log.warning("%s is not protected against a second training into it: %s.", out, unprotected)
        yield
        made = []
    finally:
        logger.setLevel(level)
        logger.propagate = propagate
        for handler in handlers:
            logger.removeHandler(handler)
        file.close()
        _withdraw(made)


def _missing(path: Path) -> Iterator[Path]:
    """The path and the folders above it that are not there, itself first."""
    for each in (path, *path.absolute().parents):
        if each.exists():
            return
        yield each


def _withdraw(made: list[Path]) -> None:
    """Removes a log that is alone in its folder, then the folders that were made for it."""
    if not made or list(made[0].parent.iterdir()) != [made[0]]:
        return
    with contextlib.suppress(OSError):  # somebody has put something there
        made[0].unlink()
        for folder in made[1:]:
            folder.rmdir()


def _lock(file: _File, out: Path) -> str:
    """Locks the log of a run until it is closed; returns why that cannot be done, "" where it could."""
    if fcntl is None and msvcrt is None:
        return "this system has no file locks"
    try:
        _hold(file.stream.fileno())  # type: ignore[union-attr]  # open: it has no delay
    except OSError as error:
        if error.errno not in HELD:
            return f"its file system takes no locks ({reason(error)})"
        file.close()
        raise UserError(
            f"{out} is being trained by another process. Wait for its end or stop it, or choose another --out."
        ) from error
    return ""


def _hold(descriptor: int) -> None:
    """Locks an open file until it is closed; `OSError` where another process has done so, or it cannot be locked."""
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    os.lseek(descriptor, FAR, os.SEEK_SET)
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    finally:
        os.lseek(descriptor, 0, os.SEEK_END)
