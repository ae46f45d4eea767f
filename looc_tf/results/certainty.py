"""How far a test part of few pictures can be believed: the interval of one accuracy, and lines that say it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Optional

from scipy import stats

from looc_tf.results.summary import LEVEL, Cell, Estimate, methods_of, probes_of

FEW = 1000  # test pictures: with fewer, the interval of an accuracy may reach further than 3 points to either side


def wilson(value: float, count: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy in percent that was read from so many test pictures (Wilson 1927).

    Other than mean ± 1.96 deviations it holds for few pictures, and for accuracies near 0 and 100.

    >>> [round(end, 1) for end in wilson(54.5454, 22)]
    [34.7, 73.1]
    """
    share, z = min(max(value / 100, 0.0), 1.0), float(stats.norm.ppf((1 + LEVEL) / 2))
    weight = 1 + z * z / count
    center = (share + z * z / (2 * count)) / weight
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / weight
    return 100 * max(0.0, center - half), 100 * min(1.0, center + half)


def many_pictures(count: int) -> str:
    """Such as "22 test pictures"."""
    return f"{count:,} test picture{'s' if count != 1 else ''}"


def few_pictures(cells: Mapping[Cell, Estimate], tested: Optional[Mapping[str, int]]) -> list[str]:
    """A line for each number of test pictures below `FEW`: the intervals of the highest value of each such column.

    Args:
        cells: of one data set.
        tested: probe -> how many test pictures it was asked of.
    """
    said: dict[int, list[str]] = {}
    for probe in probes_of(cells):
        count = (tested or {}).get(probe, 0)
        if 0 < count < FEW:
            best = max(value.mean for cell, value in cells.items() if cell[2] == probe)
            low, high = wilson(best, count)
            said.setdefault(count, []).append(f"{probe} {best:.1f} ({low:.1f} to {high:.1f})")
    return [
        f"{many_pictures(count)}: few. 95 % intervals (Wilson) of the highest values: {', '.join(each)}"
        for count, each in said.items()
    ]


def below_majority(cells: Mapping[Cell, Estimate], majority: Mapping[str, float]) -> list[str]:
    """A line for each probe that is read worse somewhere than by always answering with the commonest class.

    Args:
        cells: of one data set.
        majority: of the probes whose classes are uneven, see `levels.majorities`.
    """
    several, lines = len(methods_of(cells)) > 1, []
    for probe, level in majority.items():
        own = {cell[:2]: value.mean for cell, value in cells.items() if cell[2] == probe}
        worse = [place for place, mean in own.items() if round(mean, 1) < round(level, 1)]
        if worse:
            names = ", ".join(f"{method}: {name}" if several else name for method, name in worse)
            where = "every representation" if len(worse) == len(own) > 1 else names
            lines.append(f"{probe} is read worse than by always answering the commonest class ({level:.1f}): {where}")
    return lines
