"""A measured figure with its target, how it is printed, and how child processes are asked for one."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Figure:
    """What was measured, once for each round.

    Args:
        name: of the figure.
        values: one for each round; the median stands for all.
        unit: of the values.
        at_least: the target, where more is better.
        at_most: the target, where less is better.
    """

    name: str
    values: tuple[float, ...]
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}"
        return "" if self.at_most is None else f"≤ {self.at_most:g} {self.unit}"

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None without one."""
        if self.at_least is not None:
            return self.median >= self.at_least
        return None if self.at_most is None else self.median <= self.at_most

    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, target, median, range and verdict, as text."""
        low, high = number(min(self.values)), number(max(self.values))
        verdict = {None: "", True: "yes", False: "no"}[self.met]
        return self.name, self.target, f"{number(self.median)} {self.unit}", f"{low}–{high}", verdict


def number(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def report(figures: Sequence[Figure], as_json: bool) -> None:
    """Print one line for each figure, or all as one line of JSON."""
    if as_json:
        print(json.dumps([dataclasses.asdict(figure) for figure in figures]))
        return
    for figure in figures:
        name, target, median, spread, verdict = figure.cells()
        print(f"{name:<58} {median:>16}  ({spread})" + (f"  target {target}: {verdict}" if target else ""))


def parser(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The options that every program here takes."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--rounds", type=int, default=rounds, help=f"measurements of each figure (default {rounds})")
    options.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    return options


def child(command: Sequence[str]) -> str:
    """Run a program from the root of the repository and return the last line that it printed.

    Raises:
        SystemExit: the program failed; its last words are the message.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return lines[-1]


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of the library's environment."""
    return [sys.executable, "-m", name, *arguments]
