"""How large a config may be: far more than anybody writes, and little enough to be read at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from looc_tf.errors import UserError

LONGEST = 100_000  # characters of a file or a value
MOST = 10_000  # values, each alias counted as often as it is used
DEEPEST = 16  # lists and mappings within each other; also files that begin from one another
_TOO_MUCH = f"Expected at most {MOST:,} values, {DEEPEST} deep. Received more: write them out, plainly."


def bounded(text: str) -> str:
    """Returns YAML unchanged, or raises a `UserError` before anything is built of it.

    A few hundred characters of aliases of aliases stand for more values than any memory holds, and brackets within
    brackets end in Python's limit of recursion; the events of the parser tell both.
    """
    import yaml

    if len(text) > LONGEST:
        raise UserError(f"Expected at most {LONGEST:,} characters. Received {len(text):,}. This is no config.")
    count = 0
    starts: list[tuple[str | None, int]] = []  # anchor of each open value, and the count before it
    sizes: dict[str | None, int] = {}
    for event in _events(text):
        if isinstance(event, yaml.AliasEvent):
            count += sizes.get(event.anchor, MOST)  # of an anchor that is still open: it would hold itself
        elif isinstance(event, yaml.NodeEvent):
            starts.append((event.anchor, count))
            count += 1
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionEndEvent)):
            anchor, start = starts.pop()
            sizes[anchor] = count - start
        if count > MOST or len(starts) > DEEPEST:
            raise UserError(_TOO_MUCH)
    return text


def _events(text: str) -> Iterator[Any]:
    """Of a text; the newest parsers have a limit of their own, far beyond ours, which they find before they begin."""
    import yaml

    try:
        yield from yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        if "increasing flow level" in str(error.context):
            raise UserError(_TOO_MUCH) from error
        raise
