"""Compare the speed of views and steps in the two lanes: the same programs under two Pythons, in turn.

A ratio is taken within a round and the median over the rounds is the figure. Rendering has two threads, a step one,
whose time is the processor's.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import ROOT, Figure, child, module, parser, report


@dataclass(frozen=True)
class Case:
    """A program that prints what it measured, the figure to take from it and its unit."""

    program: tuple[str, ...]
    key: str
    unit: str


def rendering(size: int, source: int) -> Case:
    words = ("benchmarks.render", f"--size={size}", f"--source={source}", "--views=1", "--workers=2", "--seconds=8")
    return Case(words, "images_per_second", "images/s")


def step(*words: str) -> Case:
    return Case(("benchmarks.train_step", *words, "--steps=8", "--threads=1"), "cpu_ms_per_step", "ms")


CASES = {
    "One view, 32 px": rendering(32, 32),
    "One view, 224 px": rendering(224, 256),
    "MoCo step, width 16": step("--config=factors/moco"),
    "LooC n=2 step, width 16": step("--config=factors/looc"),
    "LooC n=2 step, width 64": step("--spaces=2", "--width=64"),
}


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=3)
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.add_argument(
        "--other",
        type=Path,
        default=ROOT / ".venv-current" / "bin" / "python",
        help="Python of the other lane (default: that of make setup LANE=current)",
    )
    arguments.add_argument("--only", nargs="*", default=[*CASES], choices=CASES, help="what to measure")
    given = arguments.parse_args()
    if not given.other.is_file():
        arguments.error(f"There is no {given.other}. Make it with: make setup LANE=current")
    return given


def measure(case: Case, other: Path) -> tuple[float, float]:
    """The case's figure under this Python and under the other."""
    here = module(*case.program)
    ours, theirs = (json.loads(child([str(python), *here[1:]]))[case.key] for python in (here[0], other))
    return ours, theirs


def main() -> None:
    given = options()
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in given.only}
    for _ in range(given.rounds):
        for name, rounds in measured.items():
            rounds.append(measure(CASES[name], given.other))
            print(f"{name}: {rounds[-1][0]:,.1f} and {rounds[-1][1]:,.1f}", file=sys.stderr, flush=True)
    figures = []
    for name, rounds in measured.items():
        case = CASES[name]
        ours, theirs = zip(*rounds)
        ratios = tuple(b / a for a, b in rounds)
        figures += [Figure(f"{name}, this lane", ours, case.unit), Figure(f"{name}, the other", theirs, case.unit)]
        figures.append(Figure(f"{name}: {'time' if case.unit == 'ms' else 'speed'} of the other / of this", ratios))
    report(figures, given.json)


if __name__ == "__main__":
    main()
