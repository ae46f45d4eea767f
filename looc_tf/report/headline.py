"""The numbers of a comparison that matter, in the order in which one asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from looc_tf.representations import TRUNK
from looc_tf.results.records import row_names

QUESTIONS = (
    ("the trunk knows the hue", TRUNK, "hue"),
    ("the trunk knows the rotation", TRUNK, "rotation"),
    ("the trunk knows the object", TRUNK, "object"),
    ("space color knows the hue", "color", "hue"),
    ("space rotation knows the rotation", "rotation", "rotation"),
)


@dataclass(frozen=True)
class Headline:
    """One statement and how far it holds: method -> accuracy in percent, for the methods that have such a space."""

    text: str
    values: Mapping[str, float]


def headline(records: Sequence[Mapping[str, Any]]) -> list[Headline]:
    """The five statements, of which those without any value are left out (no labels, no such space)."""
    name, rows = row_names(records), []
    for text, representation, probe in QUESTIONS:
        asked = [r for r in records if r["representation"] == representation and r["probe"] == probe]
        if asked:
            rows.append(Headline(text, {name(record): record["value"] for record in asked}))
    return rows
