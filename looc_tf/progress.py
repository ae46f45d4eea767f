"""How far something is, on standard error: bars on a terminal (or in a notebook), nothing anywhere else."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Optional, TextIO

Show = Callable[[str, int, Optional[int]], None]  # stage, done, total where that is known


def on_terminal() -> bool:
    """Whether standard error shows a progress bar; if not it gets plain lines, never control characters."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def bars(*columns: str, transient: bool = True) -> Any:
    """rich's `Progress` on standard error, not started yet, and without effect where no bar can be seen.

    Args:
        columns: "spinner", "bar", "count" (done of total), "left" (time), or a text with `{task.description}` and the
            like in it; by default what, bar, percent and time left.
        transient: whether the bars go away when they are stopped.
    """
    from rich import progress  # on use: its import takes a while
    from rich.console import Console

    kinds: dict[str, Callable[[], Any]] = {
        "spinner": progress.SpinnerColumn,
        "bar": progress.BarColumn,
        "count": progress.MofNCompleteColumn,
        "left": progress.TimeRemainingColumn,
    }
    made = [kinds[column]() if column in kinds else progress.TextColumn(column) for column in columns]
    console = Console(stderr=True)
    seen = console.is_terminal or console.is_jupyter
    return progress.Progress(*made, console=console, transient=transient, disable=not seen)


@contextmanager
def stages(*columns: str, after: float = 0.0) -> Iterator[Show]:
    """Yields `show(stage, done, total)`, which draws a bar for each stage; they go away at the end.

    Args:
        columns: see `bars`.
        after: seconds of work after which the first bar appears.

    >>> with stages("{task.description}", "bar", "count", "left") as show:
    ...     for done in range(3):
    ...         show("reading", done, 3)
    """
    began, display, tasks = time.monotonic(), None, {}

    def show(stage: str, done: int, total: int | None) -> None:
        nonlocal display
        if display is None:
            if done == total or time.monotonic() - began < after:
                return
            display = bars(*columns)
            display.start()
        if stage not in tasks:
            tasks[stage] = display.add_task(stage, total=total)
        display.update(tasks[stage], completed=done, total=total)

    try:
        yield show
    finally:
        if display is not None:
            display.stop()


@contextmanager
def without_lines(words: Sequence[bytes]) -> Iterator[TextIO]:
    """Drops the lines with one of these words from what the process writes to standard error inside of the block.

    C++ writes to its file descriptor, which all threads share: their lines are held back until the end, none is lost.
    What is yielded writes to where they went before.
    """
    with ExitStack() as stack:
        try:
            held = stack.enter_context(tempfile.TemporaryFile())
            screen = os.dup(2)
        except OSError:  # no room for a file, or a process without a screen
            yield sys.stderr
            return
        try:
            os.dup2(held.fileno(), 2)
            with open(screen, "w", encoding="utf-8", errors="replace", closefd=False) as stream:
                yield stream
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            held.seek(0)
            for line in held:
                if not any(word in line for word in words):
                    os.write(2, line)
