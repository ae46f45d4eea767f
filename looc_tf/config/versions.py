"""Config files of earlier versions: what their fields are called now.

A config that looc writes says `version`; a file without one is of version 1, or written by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from looc_tf.errors import UserError, shown

VERSION = 2

# dotted field of an earlier version -> its name now; a field keeps its old name as another one for good
RENAMED: dict[str, str] = {}

# What looc wrote before configs said by which rules pictures are read goes on with the pictures and labels that it had.
# What somebody writes by hand gets the default.
_FIRST_RULES = {"rules": 1, "labels": "none"}
_WRITTEN = {"name", "seed", "data", "views", "model", "method", "optimizer", "training", "evaluation"}

# Version 1 wrote the settings of one method under every name, whether that method read them or not.
_FIRST_SETTINGS = {"name", "spaces", "momentum", "key_batch_norm", "key_groups", "branch_per_space"}


def upgraded(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a config file under the names of this version, without its `version`.

    Raises:
        UserError: it is no mapping, is of a later version, or holds a field under its old and its new name.
    """
    if not isinstance(content, Mapping):
        raise UserError(f"expected sections such as `data:`. Received {shown(content)}.")
    content = {key: dict(value) if isinstance(value, Mapping) else value for key, value in content.items()}
    written = "version" in content or set(content) >= _WRITTEN  # by looc itself, which writes every field
    version = content.pop("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= VERSION:
        later = isinstance(version, int) and version > VERSION
        remedy = "Read a config of a later version with a later looc." if later else "Leave it out, or correct it."
        raise UserError(f"version should be a whole number from 1 to {VERSION}. Received {shown(version)}. {remedy}")
    if content.get("method", {}) is None:  # `method:` with nothing behind it states nothing
        del content["method"]
    if version == 1:
        _drop_unread(content.get("method"))
    data = content.get("data")
    if written and isinstance(data, dict) and "limit" in data and "rules" not in data:
        data.update(_FIRST_RULES)
    for old, new in RENAMED.items():
        _rename(content, old, new)
    return content


def _drop_unread(method: Any) -> None:
    """Leaves of a method that version 1 wrote out what that method reads: nothing, where it is supervised."""
    if not isinstance(method, dict) or method.get("name") != "supervised":
        return
    written_out = set(method) == _FIRST_SETTINGS
    for field in _FIRST_SETTINGS - {"name"}:
        if field in method and (written_out or (field == "spaces" and not method[field])):  # `spaces: []`, by hand
            del method[field]


def _rename(content: dict[str, Any], old: str, new: str) -> None:
    section, _, field = old.rpartition(".")
    holder = content.get(section) if section else content
    if not isinstance(holder, dict) or field not in holder:
        return
    other_section, _, other = new.rpartition(".")
    target = content.setdefault(other_section, {}) if other_section else content
    if other in target:
        raise UserError(f"{old!r} is called {new!r} now. Received both: leave the old one out.")
    target[other] = holder.pop(field)
