"""Log records and warnings of a run: into a file, or silenced, so that the screen shows the steps alone."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def logging_into(path: Path) -> Iterator[None]:
    """For the length of a run, every log record and warning goes to `path` and none to the screen."""
    import absl.logging

    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    absl.logging.set_verbosity(absl.logging.INFO)
    logging.getLogger("tensorflow").handlers.clear()
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        logging.captureWarnings(False)
        root.handlers[:], root.level = before, level
        handler.close()


@contextmanager
def quiet() -> Iterator[None]:
    """For the length of a block, only errors are logged."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
