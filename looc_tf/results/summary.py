"""Means over seeds with 95 % intervals, and differences paired by seed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats

from looc_tf.errors import UserError, unknown
from looc_tf.evaluate.probes import PROBES
from looc_tf.evaluate.results import Record
from looc_tf.representations import CONCAT, is_space, ordered

LEVEL = 0.95
NOTHING = "\N{EN DASH}"  # what a table prints where there is no result
Cell = tuple[str, str, str]  # method, representation, probe


@dataclass(frozen=True)
class Estimate:
    """A mean over `count` seeds and the half width of its 95 % t-interval: infinite for one seed.

    >>> str(Estimate.of([70.0, 72.0, 74.0]))
    '72.0 ± 5.0'
    """

    mean: float
    half: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Student's interval: t(0.975, n - 1) s / sqrt(n), with s the deviation over n - 1."""
        count = len(values)
        mean = math.fsum(values) / count
        if count == 1:
            return cls(mean, math.inf, count)
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
        return cls(mean, float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * deviation / math.sqrt(count), count)

    def __str__(self) -> str:
        return f"{self.mean:.1f}" + (f" ± {self.half:.1f}" if math.isfinite(self.half) else "")


def summarise(records: Iterable[Record]) -> dict[Cell, Estimate]:
    """Mean and interval over seeds for each (method, representation, probe), in the order of tables.

    All spaces concatenated are left out where a method has only one: they are that space.
    """
    values = _by_seed(records)
    spaces = {(method, name) for method, name, _ in values if is_space(name)}
    alone = {method for method, count in Counter(method for method, _ in spaces).items() if count == 1}
    keys = sorted((key for key in values if key[1] != CONCAT or key[0] not in alone), key=_position(values))
    return {key: Estimate.of(list(values[key].values())) for key in keys}


def difference(records: Iterable[Record], first: tuple[str, str], second: tuple[str, str], probe: str) -> Estimate:
    """The mean of `first` minus `second` on a probe, paired by seed, with its interval.

    `first` and `second` are (method, representation), so that two methods or two spaces of one method can be compared.
    Raises UserError where either has no such record, or where they have no seed in common.
    """
    values = _by_seed(records)
    cells = [(*first, probe), (*second, probe)]
    for cell in cells:
        if cell not in values:
            raise unknown("result", "/".join(cell), ["/".join(known) for known in values])
    left, right = (values[cell] for cell in cells)
    seeds = sorted(left.keys() & right.keys())
    if not seeds:
        received = f"{sorted(left)} and {sorted(right)}"
        raise UserError(
            f"Expected a seed that both results share, received {received}. Train both with the same seeds."
        )
    return Estimate.of([left[seed] - right[seed] for seed in seeds])


def minus(records: Iterable[Record], method: str, representation: str) -> list[dict[str, Any]]:
    """The records with the value of one (method, representation) taken off, probe by probe and seed by seed.

    Their means and intervals are those of `difference` against it. Records of a seed that it was not run with are left
    out. Raises UserError where there is no such (method, representation).
    """
    records = list(records)
    base = {
        (record["probe"], record["seed"]): record["value"]
        for record in records
        if (record["method"], record["representation"]) == (method, representation)
    }
    if not base:
        known = dict.fromkeys(f"{record['method']}/{record['representation']}" for record in records)
        raise unknown("baseline", f"{method}/{representation}", known)
    return [
        {**record, "value": record["value"] - base[record["probe"], record["seed"]]}
        for record in records
        if (record["probe"], record["seed"]) in base
    ]


def methods_of(cells: Iterable[Cell]) -> list[str]:
    """The methods in order of appearance."""
    return list(dict.fromkeys(method for method, _, _ in cells))


def representations_of(cells: Iterable[Cell]) -> list[str]:
    """The trunk, the spaces in order of appearance, their concatenation, the branches."""
    return ordered(representation for _, representation, _ in cells)


def probes_of(cells: Iterable[Cell]) -> list[str]:
    """The probes in the order of the registry."""
    known = list(PROBES)
    found = dict.fromkeys(probe for _, _, probe in cells)
    return sorted(found, key=lambda probe: known.index(probe) if probe in known else len(known))


def _position(cells: Iterable[Cell]) -> Callable[[Cell], tuple[int, int, int]]:
    cells = list(cells)
    methods, representations, probes = methods_of(cells), representations_of(cells), probes_of(cells)
    return lambda cell: (methods.index(cell[0]), representations.index(cell[1]), probes.index(cell[2]))


def _by_seed(records: Iterable[Record]) -> dict[Cell, dict[int, float]]:
    values: dict[Cell, dict[int, float]] = {}
    for record in records:
        cell = (record["method"], record["representation"], record["probe"])
        seeds = values.setdefault(cell, {})
        if record["seed"] in seeds:
            name = "/".join(cell)
            raise UserError(f"Expected one result for each seed, received two of {name} with seed {record['seed']}.")
        seeds[record["seed"]] = float(record["value"])
    return values
