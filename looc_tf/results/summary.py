"""Means over seeds with 95 % intervals, and differences paired by seed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

from scipy import stats

from looc_tf.config import Evaluation
from looc_tf.errors import UserError, unknown
from looc_tf.representations import CONCAT, TRUNK, is_space, ordered
from looc_tf.results.levels import BALANCED, asked_by, less
from looc_tf.results.records import Record, by_data, read_runs, row_names

LEVEL = 0.95
PROBES = Evaluation().probes  # in the order of tables; others stand behind them, in that of the records
DRAWS = "the draws of the evaluation"
NOTHING = "\N{EN DASH}"  # what a table prints where there is no result
Cell = tuple[str, str, str]  # method (see `row_names`), representation, probe


@dataclass(frozen=True)
class Estimate:
    """A mean over `count` seeds and the half width of its 95 % t-interval: infinite for one seed.

    The value of one seed has an interval where the evaluation itself draws, then `over` says so.

    >>> str(Estimate.of([70.0, 72.0, 74.0]))
    '72.0 ± 5.0'
    """

    mean: float
    half: float
    count: int
    over: str = "seeds"

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

    All spaces concatenated are left out where a method has only one: they are that space. Raises UserError where one
    mean would be taken over two data sets, or over two results of one seed.
    """
    records = list(records)
    values, halves = _by_seed(records), _halves(records)
    spaces = {(method, name) for method, name, _ in values if is_space(name)}
    alone = {method for method, count in Counter(method for method, _ in spaces).items() if count == 1}
    keys = sorted((key for key in values if key[1] != CONCAT or key[0] not in alone), key=_position(values))
    return {key: _estimate(list(values[key].values()), halves.get(key)) for key in keys}


def _halves(records: Sequence[Record]) -> dict[Cell, float]:
    """The half widths that evaluations gave themselves."""
    row = row_names(records)
    own = [record for record in records if record.get("half") is not None]
    return {(row(record), record["representation"], record["probe"]): float(record["half"]) for record in own}


def _estimate(values: Sequence[float], half: Optional[float]) -> Estimate:
    return Estimate.of(values) if half is None or len(values) > 1 else Estimate(values[0], half, 1, DRAWS)


def difference(records: Iterable[Record], first: tuple[str, str], second: tuple[str, str], probe: str) -> Estimate:
    """The mean of `first` minus `second` on a probe, paired by seed, with its interval.

    `first` and `second` are (method, representation), so that two methods or two spaces of one method can be compared.
    Raises UserError where either has no such record, where they have no seed in common, or were read from two data
    sets.
    """
    records = list(records)
    values, data = _by_seed(records), _data_of(records)
    cells = [(*first, probe), (*second, probe)]
    for cell in cells:
        if cell not in values:
            raise unknown("result", "/".join(cell), ["/".join(known) for known in values])
    if data[first[0]] != data[second[0]]:
        raise _apart(f"{first[0]} and {second[0]}", data[first[0]], data[second[0]])
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
    row, data = row_names(records), _data_of(records)
    base = {
        (record["probe"], record["seed"]): record
        for record in records
        if (row(record), record["representation"]) == (method, representation)
    }
    if not base:
        known = dict.fromkeys(f"{row(record)}/{record['representation']}" for record in records)
        raise unknown("baseline", f"{method}/{representation}", known)
    for name, its_data in data.items():
        if its_data != data[method]:
            raise _apart(f"{name} and {method}", its_data, data[method])
    return [
        less(record, base[record["probe"], record["seed"]])
        for record in records
        if (record["probe"], record["seed"]) in base
    ]


def comparison(paths: Sequence[Union[str, Path]], baseline: Optional[str] = None) -> list[Record]:
    """The records of evaluated runs; with a baseline less what that has, data set by data set.

    Args:
        paths: of runs, or of folders that hold a results.json.
        baseline: a method, whose trunk counts, or METHOD/SPACE.
    """
    records = read_runs(paths)
    if not baseline:
        return list(records)
    return [record for block in by_data(records).values() for record in _less(block, baseline)]


def _less(records: list[Record], baseline: str) -> list[dict[str, Any]]:
    method, slash, representation = baseline.rpartition("/")
    if not slash or baseline in map(row_names(records), records):  # the whole name of a config holds a slash, too
        method, representation = baseline, TRUNK
    return minus(records, method, representation)


def methods_of(cells: Iterable[Cell]) -> list[str]:
    """The methods in order of appearance."""
    return list(dict.fromkeys(method for method, _, _ in cells))


def representations_of(cells: Iterable[Cell]) -> list[str]:
    """The trunk, the spaces in order of appearance, their concatenation, the branches."""
    return ordered(representation for _, representation, _ in cells)


def probes_of(cells: Iterable[Cell]) -> list[str]:
    """The probes in the order of tables, each before its balanced accuracy; unknown ones come last.

    The values of one that has several stay in the order in which they were read.
    """
    probes = dict.fromkeys(probe for _, _, probe in cells)
    names = list(dict.fromkeys(probe.removesuffix(BALANCED) for probe in probes))

    def place(probe: str) -> tuple[int, int, bool]:
        name = probe.removesuffix(BALANCED)
        asked = asked_by(name)
        return PROBES.index(asked) if asked in PROBES else len(PROBES), names.index(name), probe != name

    return sorted(probes, key=place)


def _position(cells: Iterable[Cell]) -> Callable[[Cell], tuple[int, int, int]]:
    cells = list(cells)
    methods, representations, probes = methods_of(cells), representations_of(cells), probes_of(cells)
    return lambda cell: (methods.index(cell[0]), representations.index(cell[1]), probes.index(cell[2]))


def _by_seed(records: Sequence[Record]) -> dict[Cell, dict[int, float]]:
    values: dict[Cell, dict[int, float]] = {}
    row = row_names(records)
    _data_of(records)
    for record in records:
        cell = (row(record), record["representation"], record["probe"])
        seeds = values.setdefault(cell, {})
        if record["seed"] in seeds:
            name = "/".join(cell)
            raise UserError(f"Expected one result for each seed, received two of {name} with seed {record['seed']}.")
        seeds[record["seed"]] = float(record["value"])
    return values


def _data_of(records: Sequence[Record]) -> dict[str, str]:
    """The data set behind the rows of each method; `UserError` where it is not one."""
    found: dict[str, str] = {}
    row = row_names(records)
    for heading, block in by_data(records).items():
        for name in dict.fromkeys(map(row, block)):
            if found.setdefault(name, heading) != heading:
                raise _apart(name, found[name], heading)
    return found


def _apart(what: str, first: str, second: str) -> UserError:
    return UserError(
        f"Expected results of {what} on one data set, received two: {first}, and {second}. Compare them one by one."
    )
