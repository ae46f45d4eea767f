"""What an accuracy is to be held against: guessing, always the same answer, and every class weighing alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Optional

from looc_tf.results.records import Record

LEVELS = ("chance", "balanced", "majority")  # fields of a record beside its value; earlier versions wrote none
AT = "@"  # between the name of an evaluation and that of one of its values
BALANCED = " balanced"  # "object balanced" is the column beside "object"
MOST = 16  # columns of one evaluation that a table has room for
CURVES = ("invariance", "corruptions")  # evaluations with a value for each strength
SKEWED = 5.0  # points above chance that always the same answer reaches where classes are uneven enough to mislead


def shown(records: Iterable[Record]) -> tuple[list[Record], list[str]]:
    """The records of one data set that get a column, see `with_balanced`, and a line for each evaluation that does not.

    An evaluation gives any number of values, such as one for each of a thousand classes; of more than `MOST` only that
    which is called by the evaluation's own name has a column.
    """
    records = [record for record in records if not is_point(record["probe"])]
    counts = Counter(asked_by(probe) for probe in {record["probe"] for record in records} if AT in probe)
    wide = {name for name, count in counts.items() if count > MOST}
    kept = [record for record in records if AT not in record["probe"] or asked_by(record["probe"]) not in wide]
    if not kept:
        return with_balanced(records), []
    lines = [f"{name}: {counts[name]:,} values more of each representation are in results.json" for name in counts]
    return with_balanced(kept), [line for name, line in zip(counts, lines) if name in wide]


def asked_by(probe: str) -> str:
    """The name in `evaluation.probes` by which a value was asked for.

    >>> asked_by("retrieval@hue"), asked_by("corruptions 3+")
    ('retrieval', 'corruptions')
    """
    return probe.partition(AT)[0].partition(" ")[0]


def is_point(probe: str) -> bool:
    """Whether a value is one point of a curve, such as `invariance@hue/0.5 kept`: too many of them for a table.

    >>> is_point("invariance@hue/0.5 kept"), is_point("invariance@hue")
    (True, False)
    """
    name, _, value = probe.partition(AT)
    return name in CURVES and "/" in value


def with_balanced(records: Iterable[Record]) -> list[Record]:
    """The records of one data set and, after each of a probe whose classes are uneven, that of its balanced accuracy.

    Uneven are classes where always the same answer is right `SKEWED` points more often than guessing. Elsewhere the two
    accuracies say the same, and tables stay narrow. Points of a curve are left out: they have a figure of their own.
    """
    records = [record for record in records if not is_point(record["probe"])]
    uneven = {record["probe"] for record in records if (_above_chance(record) or 0.0) >= SKEWED}
    columns: list[Record] = []
    for record in records:
        columns.append(record)
        if record["probe"] in uneven and record.get("balanced") is not None:
            own = {"probe": record["probe"] + BALANCED, "value": record["balanced"], "half": None}
            columns.append({**record, **own})
    return columns


def majorities(records: Iterable[Record]) -> dict[str, float]:
    """Probe -> the accuracy of always the same answer, where as shown it is above that of guessing."""
    found = {}
    for record in records:
        if (_above_chance(record) or 0.0) > 0.0 and f"{record['majority']:.1f}" != f"{record['chance']:.1f}":
            found[record["probe"]] = float(record["majority"])
    return found


def guessing(records: Iterable[Record]) -> dict[str, float]:
    """Probe -> the accuracy of guessing, where it is the same for all records of that probe."""
    found: dict[str, set[float]] = {}
    for record in records:
        if record.get("chance") is not None:
            found.setdefault(record["probe"], set()).add(round(float(record["chance"]), 4))
    return {probe: next(iter(levels)) for probe, levels in found.items() if len(levels) == 1}


def less(record: Record, base: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the accuracies of another taken off; the draws of an evaluation say nothing of the difference."""
    taken = {**record, "value": record["value"] - base["value"], "half": None}
    if record.get("balanced") is not None:
        taken["balanced"] = None if base.get("balanced") is None else record["balanced"] - base["balanced"]
    return taken


def of_column(levels: Mapping[str, float], probe: str) -> Optional[float]:
    """A level as it holds for a column: guessing reaches the same balanced accuracy."""
    return levels.get(probe.removesuffix(BALANCED))


def _above_chance(record: Record) -> Optional[float]:
    chance, majority = record.get("chance"), record.get("majority")
    return None if chance is None or majority is None else float(majority) - float(chance)
