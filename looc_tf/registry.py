"""Tables of parts by name, into which users put parts of their own, and the files of theirs that do it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shlex
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from looc_tf.errors import UserError, shown, unknown

Part = TypeVar("Part")
_RAN: list[str] = []  # the files of --import, as they were typed


class Registry(dict[str, Part]):
    """Parts by name. What is shipped keeps its name and place; others are added by `table[name] = part`.

    Args:
        kind: of the parts, for messages, such as "augmentation".
        name: of the table, as a user imports it.
        shipped: the parts that come with the library, in the order of messages and tables.
        part: what a part is, for messages.

    Raises:
        UserError: when a shipped name is given to another part, which commands would not know; by `missing` for a name
            that is not there.

    Example:
        >>> table = Registry("color", "COLORS", {"red": 1})
        >>> table["green"] = 2
        >>> list(table)
        ['red', 'green']
        >>> str(table.missing("gren"))[:61]
        "Unknown color 'gren'. Did you mean 'green'? Expected one of r"
    """

    def __init__(self, kind: str, name: str, shipped: Mapping[str, Part], part: str = "class"):
        self.kind, self.name, self.shipped, self.part = kind, name, dict(shipped), part
        super().__init__(shipped)

    def __setitem__(self, key: str, part: Part) -> None:
        if key in self.shipped and self.shipped[key] is not part:
            raise UserError(
                f"{self.name} holds the {self.kind} {key!r} of looc_tf, which runs and configs mean by this name. Give "
                "yours another name."
            )
        super().__setitem__(key, part)

    def update(self, *parts: Mapping[str, Part], **named: Part) -> None:  # type: ignore[override]
        """As of any dict, by the same rule."""
        for key, part in dict(*parts, **named).items():
            self[key] = part

    def setdefault(self, key: str, part: Part) -> Part:
        """As of any dict, by the same rule."""
        if key not in self:
            self[key] = part
        return self[key]

    def __ior__(self, parts: Mapping[str, Part]) -> Registry[Part]:  # type: ignore[override,misc]
        self.update(parts)
        return self

    def missing(self, key: str) -> UserError:
        """The error for a name that the table does not hold: the nearest one, all of them, and how one adds to it."""
        return UserError(f"{unknown(self.kind, key, self)} {self.how(key)}")

    def how(self, key: str) -> str:
        """How a part of one's own comes to be known by a name."""
        return (
            f"One of your own has to be registered first, by {self.name}[{shown(key)}] = <{self.part}> in Python; "
            "for a command, in a file that its option --import names."
        )


def run_file(path: str | Path) -> None:
    """Runs a Python file of the user's once, as a module: what it puts into the tables is known from then on.

    It may import modules that lie beside it, if no installed one is called so.

    Raises:
        UserError: there is no such file, or it fails; the message says in which line.
    """
    file = Path(path).expanduser().resolve()
    if file.suffix != ".py" or not file.is_file():
        raise UserError(
            f"--import or LOOC_IMPORT: expected a Python file, such as fog.py. Received {shown(os.fspath(path))}."
        )
    if any(_is(module, file) for module in [*sys.modules.values()]):
        return  # it was run, or another file has imported it
    name = file.stem if _is_free(file) else f"{file.stem} of --import"
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None  # which a file called *.py has
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a command prints may be read by a program
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's code ends in
        del sys.modules[name]
        if isinstance(error, UserError):
            raise UserError(f"{path}: {error}") from error
        raise UserError(
            f"{path}{_line(error, file)}: {type(error).__name__}: {getattr(error, 'msg', error)}."
        ) from error


def remember(files: Iterable[str]) -> None:
    """Has `retyped` repeat these files of --import, and none of a command before."""
    _RAN[:] = files


def retyped() -> str:
    """The options that a command which meets the same parts needs, for the end of one that is told to be typed."""
    return "".join(f" --import {shlex.quote(file)}" for file in _RAN)


def _is(module: object, file: Path) -> bool:
    place = getattr(module, "__file__", None)
    return isinstance(place, str) and place.endswith(file.name) and Path(place).resolve() == file


def _is_free(file: Path) -> bool:
    """Whether no other module could be imported by the name of a file."""
    if not file.stem.isidentifier():
        return False
    found = importlib.util.find_spec(file.stem)
    return found is None or (found.origin is not None and Path(found.origin).resolve() == file)


def _line(error: BaseException, file: Path) -> str:
    """Such as ", line 12": the last line of a file on the way to an error, or where its text is no Python."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f", line {lines[-1]}" if lines else ""
