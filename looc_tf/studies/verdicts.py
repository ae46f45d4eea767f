"""Cells of a study's table, and what they say of its claims."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from looc_tf.results import Estimate
from looc_tf.results.records import Record
from looc_tf.studies.study import Claim, Study

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "undecided at this size"
Values = Mapping[tuple[str, str], Mapping[int, float]]  # (row, column) -> seed -> percent


@dataclass(frozen=True)
class Verdict:
    """What a study says of a claim: the mean difference, paired by seed, with its 95 % interval."""

    claim: Claim
    difference: Estimate | None
    word: str


def values_of(
    study: Study,
    records: Mapping[tuple[str, int], Sequence[Record]],
    counted: Mapping[tuple[str, str], Mapping[int, float]] = MappingProxyType({}),
) -> dict[tuple[str, str], dict[int, float]]:
    """The cells of a table.

    Args:
        study: the study.
        records: (row, seed) -> what was read from that training.
        counted: the cells of columns that no evaluation reads.
    """
    values = {place: dict(seeds) for place, seeds in counted.items()}
    for (row, seed), found in records.items():
        read = {(record["representation"], record["probe"]): float(record["value"]) for record in found}
        for column in study.columns:
            if (column.representation, column.probe) in read:
                values.setdefault((row, column.name), {})[seed] = read[column.representation, column.probe]
    return values


def verdicts(study: Study, values: Values) -> list[Verdict]:
    """On each claim: it holds or does not where the whole interval is on one side of what it says."""
    return [_verdict(claim, values) for claim in study.claims]


def _verdict(claim: Claim, values: Values) -> Verdict:
    one, other = (values.get((row, claim.column), {}) for row in (claim.row, claim.than))
    seeds = sorted(one.keys() & other.keys())
    if not seeds:
        return Verdict(claim, None, "not measured")
    difference = Estimate.of([one[seed] - other[seed] for seed in seeds])
    if not math.isfinite(difference.half):
        return Verdict(claim, difference, f"{UNDECIDED}: one seed")
    if difference.mean - difference.half > claim.by:
        return Verdict(claim, difference, HOLDS)
    return Verdict(claim, difference, FAILS if difference.mean + difference.half < claim.by else UNDECIDED)
