"""The numbers of a comparison that matter, in the order in which one asks for them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from looc_tf.representations import TRUNK
from looc_tf.results import Estimate, difference
from looc_tf.results.certainty import FEW, many_pictures, wilson
from looc_tf.results.levels import majorities
from looc_tf.results.records import by_data, row_names
from looc_tf.results.summary import PROBES

QUESTIONS = (
    ("the trunk knows the hue", TRUNK, "hue"),
    ("the trunk knows the rotation", TRUNK, "rotation"),
    ("the trunk knows the object", TRUNK, "object"),
    ("space color knows the hue", "color", "hue"),
    ("space rotation knows the rotation", "rotation", "rotation"),
)

CHANCE, COMMONEST = "chance", "always the commonest class"  # what a value is compared with


@dataclass(frozen=True)
class Headline:
    """One statement and how far it holds: method -> accuracy in percent, for the methods that have such a space.

    Attributes:
        text: the statement, as it is where it holds.
        values: method -> accuracy.
        chance: of guessing; None where it is not known or not the same for all.
        majority: of always answering with the commonest class, where that is more than chance; else None.
        tested: on how many test pictures; None where it is not known.
    """

    text: str
    values: Mapping[str, float]
    chance: Optional[float] = None
    majority: Optional[float] = None
    tested: Optional[int] = None

    @property
    def levels(self) -> dict[str, float]:
        """What a value is to be compared with, the larger first."""
        known = {COMMONEST: self.majority, CHANCE: self.chance}
        return {name: level for name, level in known.items() if level is not None}

    def said(self, method: str) -> str:
        """The statement of a method, no stronger than its value is beside the larger level."""
        value = round(self.values[method], 1)
        name, level = next(iter(self.levels.items()), (CHANCE, -1.0))
        what = "guessing" if name == CHANCE else "always answering the commonest class"
        if value <= round(level, 1):
            return f"{self.text} no better than {what}"
        if self.tested and wilson(self.values[method], self.tested)[0] <= level:
            return f"{self.text}, but on {many_pictures(self.tested)} not surely better than {what}"
        return self.text

    def interval(self, method: str) -> str:
        """The 95 % interval of a value that few test pictures give; "" of many, or where their number is not known."""
        if not self.tested or self.tested >= FEW:
            return ""
        low, high = wilson(self.values[method], self.tested)
        return f"95 % interval {low:.1f} to {high:.1f}, {many_pictures(self.tested)}"


def headline(records: Sequence[Mapping[str, Any]], tested: Optional[Mapping[str, int]] = None) -> list[Headline]:
    """The five statements, of which those without any value are left out (no labels, no such space).

    Args:
        records: of any number of methods.
        tested: probe -> how many test pictures it was asked of, where that is one number for all.
    """
    name, rows = row_names(records), []
    for text, representation, probe in QUESTIONS:
        asked = [r for r in records if r["representation"] == representation and r["probe"] == probe]
        if asked:
            values = {name(record): record["value"] for record in asked}
            chance, majority = (_only(record.get(level) for record in asked) for level in ("chance", "majority"))
            above = majorities(asked).get(probe) if majority is not None else None
            rows.append(Headline(text, values, chance, above, (tested or {}).get(probe)))
    return rows


def _only(levels: Iterable[Optional[float]]) -> Optional[float]:
    """The level that all have; None where they have several."""
    found = set(levels)
    return found.pop() if len(found) == 1 else None


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
