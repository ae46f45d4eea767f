"""The numbers of a comparison that matter, in the order in which one asks for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from looc_tf.representations import TRUNK
from looc_tf.results import Estimate, difference
from looc_tf.results.records import by_data, row_names
from looc_tf.results.summary import PROBES

QUESTIONS = (
    ("the trunk knows the hue", TRUNK, "hue"),
    ("the trunk knows the rotation", TRUNK, "rotation"),
    ("the trunk knows the object", TRUNK, "object"),
    ("space color knows the hue", "color", "hue"),
    ("space rotation knows the rotation", "rotation", "rotation"),
)


@dataclass(frozen=True)
class Headline:
    """One statement and how far it holds: method -> accuracy in percent, for the methods that have such a space.

    `chance` is the accuracy of guessing, None where it is not known or not the same for all.
    """

    text: str
    values: Mapping[str, float]
    chance: Optional[float] = None


def headline(records: Sequence[Mapping[str, Any]]) -> list[Headline]:
    """The five statements, of which those without any value are left out (no labels, no such space)."""
    name, rows = row_names(records), []
    for text, representation, probe in QUESTIONS:
        asked = [r for r in records if r["representation"] == representation and r["probe"] == probe]
        if asked:
            levels = {record.get("chance") for record in asked}
            chance = levels.pop() if len(levels) == 1 else None
            rows.append(Headline(text, {name(record): record["value"] for record in asked}, chance))
    return rows


def finding(records: Sequence[Mapping[str, Any]]) -> str:
    """By how much the first method's trunk reads better than that of the second, in a sentence.

    Differences are paired by seed; with several seeds each has its interval. "" where there are no two to compare: on
    the same pictures and with a seed in common.
    """
    name = row_names(records)
    read: dict[str, dict[str, set[int]]] = {}
    for record in records:
        if record["representation"] == TRUNK and record["probe"] in PROBES:
            read.setdefault(name(record), {}).setdefault(record["probe"], set()).add(record["seed"])
    if len(read) < 2 or len(by_data(records)) > 1:
        return ""
    (one, own), (other, its), *_ = read.items()
    both = [probe for probe in PROBES if own.get(probe, set()) & its.get(probe, set())]
    gains = {probe: difference(records, (one, TRUNK), (other, TRUNK), probe) for probe in both}
    if not gains:
        return ""
    seeds = min(gain.count for gain in gains.values())
    told = ", ".join(f"{probe} {_signed(gain)}" for probe, gain in gains.items())
    return f"The trunk of {one} minus that of {other}: {told} points{'' if seeds > 1 else ' (one seed, no interval)'}."


def _signed(gain: Estimate) -> str:
    """`+3.1 ± 2.0`, with a true minus and without -0.0."""
    mean = round(gain.mean, 1) + 0.0
    return f"{mean:+.1f}".replace("-", "\N{MINUS SIGN}") + (f" ± {gain.half:.1f}" if math.isfinite(gain.half) else "")
