"""The one exception that a user's mistake ends in: the command line prints it as a single line and exits with 2."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_PREAMBLE = ("Graph execution error", "Detected at node", "<stack traces", 'File "')  # what stands before the cause
_PLACES = re.compile(
    r"^/.*?; |^assertion failed: |^Error in user-defined function passed to .*? with iterator: \S*: |"
    r"\{\{.*?\}\}|\[Op:.*?\]|\[\[.*?\]\]"
)

_MEMORY = re.compile(
    "OOM when allocating|out of memory|OUT_OF_MEMORY|bad_alloc|MemoryError|unable to allocate|failed to allocate|"
    "cannot allocate memory",
    re.IGNORECASE,
)
_SHAPE = re.compile(r"shape ?[\[(]([\d, ]+)[\])]")


class UserError(Exception):
    """Something outside the code is wrong. The message says what was expected, what was received and the remedy.

    It is one line that any terminal can be given, whatever names and values were put into it.

    Example:
        >>> import looc_tf
        >>> try:
        ...     looc_tf.load_config("factors/looc", ["training.step=10"])
        ... except looc_tf.UserError as error:
        ...     print(error)
        --set training.step=10: unknown key 'training.step'. Did you mean 'steps'? Expected one of batch, ...
    """

    def __init__(self, message: str):
        super().__init__(printable(message, 2000))


def printable(text: str, most: int = 1000) -> str:
    """`text` as a terminal and a log may be given it: on one line, escapes for what is no visible character, cut off.

    A file's name may hold line breaks, control sequences, or bytes that are no text at all.
    """
    text = " ".join(text[: 4 * most].split())
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if len(shown) <= most else shown[: most - 3] + "..."


def shown(value: object) -> str:
    """A value in a message: its `repr`, cut off where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python prints no whole number of thousands of digits
        text = "a number of thousands of digits"
    return printable(text, 200)


def reason(error: BaseException) -> str:
    """What went wrong with a file in one line, from an `OSError`, a `ValueError` or an error of TensorFlow.

    Keep this, not the error: its trace holds every frame on the way here, with the bytes of the picture in them.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return printable(cause(error).rstrip("."), 120)


def cause(error: BaseException) -> str:
    """The line of an error that says what went wrong.

    TensorFlow puts the place in its graph, the frames that made it, or the temporary file before that line, and the
    operation behind it.
    """
    lines = [_PLACES.sub("", line.strip()).strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.startswith(_PREAMBLE)), type(error).__name__)


def out_of_memory(error: BaseException) -> str | None:
    """`" at a tensor of [32, 256, 256, 128]"` for an error that is want of memory, "" where it does not say at what;
    None for any other, a full disk among them, which TensorFlow raises as the same type."""
    text = str(error)
    of_tensorflow = type(error).__module__.startswith("tensorflow.")
    if "No space left" in text or not (isinstance(error, (MemoryError, OSError)) or of_tensorflow):
        return None
    if not isinstance(error, MemoryError) and not _MEMORY.search(cause(error)):
        return None
    found = _SHAPE.search(text)
    return f" at a tensor of [{', '.join(found[1].replace(',', ' ').split())}]" if found else ""


def nearest(word: str, options: Iterable[str]) -> str:
    """`"Did you mean 'color'? "` for the closest option, or an empty string."""
    close = difflib.get_close_matches(word[:200], list(options), n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}? " if close else ""


def unknown(kind: str, word: str, options: Iterable[str]) -> UserError:
    """The error for a name that a table does not hold, with the nearest name first."""
    options = list(options)
    return UserError(
        f"Unknown {kind} {shown(word)}. {nearest(word, options)}Expected one of {', '.join(options) or '(none)'}."
    )
