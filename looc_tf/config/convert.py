"""Plain values from YAML become dataclasses; a value that does not fit is reported by its full dotted field."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from typing import Any

from looc_tf.errors import UserError, nearest, printable, shown

_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


class UnknownKey(UserError):
    """A key that nobody reads."""


def from_plain(kind: Any, value: Any, at: str = "") -> Any:
    """Makes a `kind` (dataclass, tuple, mapping, Optional or scalar) of nested lists and dicts.

    Raises:
        UserError: of the first unknown key, missing field or wrong type, with the dotted field.
    """
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, at)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        return None if value is None else from_plain(arguments[0], value, at)
    if origin is tuple:
        return _tuple(arguments[0], value, at)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments[1], value, at)
    return frozen(value) if kind is Any else _scalar(kind, value, at)


def frozen(value: Any) -> Any:
    """Lists become tuples, all the way down."""
    if isinstance(value, Mapping):
        return {key: frozen(item) for key, item in value.items()}
    return tuple(frozen(item) for item in value) if isinstance(value, (list, tuple)) else value


def to_plain(value: Any) -> Any:
    """The inverse of `from_plain`: dataclasses and mappings become dicts, tuples become lists."""
    if dataclasses.is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    return [to_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _dataclass(kind: Any, value: Any, at: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(at, f"the fields {', '.join(f.name for f in dataclasses.fields(kind))}", value)
    hints = typing.get_type_hints(kind)
    for key in value:
        if key not in hints:
            raise UnknownKey(
                f"unknown key {shown(_join(at, key))}. {nearest(str(key), hints)}Expected one of {', '.join(hints)}."
            )
    required = (f.name for f in dataclasses.fields(kind) if _has_no_default(f))
    missing = [name for name in required if name not in value]
    if missing:
        raise UserError(f"{_join(at, missing[0])!r} is missing: it has no default. Received {shown(value)}.")
    return kind(**{key: from_plain(hints[key], item, _join(at, key)) for key, item in value.items()})


def _has_no_default(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _tuple(kind: Any, value: Any, at: str) -> tuple:
    if not isinstance(value, (list, tuple)):
        raise _wrong(
            at,
            f"a list, such as [{printable(value, 40)}]" if kind is str and isinstance(value, str) else "a list",
            value,
        )
    return tuple(from_plain(kind, item, _join(at, index)) for index, item in enumerate(value))


def _mapping(kind: Any, value: Any, at: str) -> dict:
    if value is None:  # `blur:` with nothing behind it, as one writes "all defaults" in YAML
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(at, "a mapping of names", value)
    return {str(key): from_plain(kind, item, _join(at, key)) for key, item in value.items()}


def _scalar(kind: type, value: Any, at: str) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and abs(value) >= 1 << 63:
        raise UserError(f"{at} should be a number of at most 64 bits. Received {shown(value)}.")
    if kind is float and (whole or isinstance(value, float)) and math.isfinite(value):
        return float(value)
    if (kind is int and whole) or (kind in (str, bool) and isinstance(value, kind)):
        return value
    raise _wrong(at, _WORDS[kind], value)


def _wrong(at: str, expected: str, value: Any) -> UserError:
    return UserError(f"{at or 'the config'!s} should be {expected}. Received {shown(value)} ({type(value).__name__}).")


def _join(at: str, key: Any) -> str:
    return f"{at}.{key}" if at else str(key)
