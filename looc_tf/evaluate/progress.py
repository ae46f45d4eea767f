"""A progress display on standard error."""

from __future__ import annotations

from contextlib import AbstractContextManager

from looc_tf.progress import Show, stages


def terminal_progress() -> AbstractContextManager[Show]:
    """A `progress` callback that draws one bar per stage on standard error and removes them when it is done."""
    return stages("{task.description:>10}", "bar", "count", "left")
