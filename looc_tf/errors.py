"""The one exception that a user's mistake ends in: the command line prints it as a single line and exits with 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something outside the code is wrong. The message says what was expected, what was received and the remedy."""


def nearest(word: str, options: Iterable[str]) -> str:
    """`"Did you mean 'color'? "` for the closest option, or an empty string."""
    close = difflib.get_close_matches(word, list(options), n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}? " if close else ""


def unknown(kind: str, word: str, options: Iterable[str]) -> UserError:
    """The error for a name that a table does not hold, with the nearest name first."""
    options = list(options)
    return UserError(
        f"Unknown {kind} {word!r}. {nearest(word, options)}Expected one of {', '.join(options) or '(none)'}."
    )
