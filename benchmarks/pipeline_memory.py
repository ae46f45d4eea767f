"""Show that the data steps of the pipeline take the same memory for four times the pictures. Needs TFX.

Each step runs in a process of its own, on pictures of noise (49 kB each): its peak includes TensorFlow, TFX and Beam.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, child, module, parser, report

STEPS = ("Pictures", "ImportExampleGen", "Pictures, imported", "StatisticsGen", "Represent")
TIMES = 4


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=1)
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.add_argument("--pictures", type=int, default=1000, help="of the smaller set (default 1000)")
    return arguments.parse_args()


def peaks(folder: Path, pictures: int) -> dict[str, float]:
    """Step -> peak of its process in MB."""
    for step in ("draw", "encoder"):
        _run(step, folder, pictures)
    return {step: _run(step, folder, pictures)["peak_mb"] for step in STEPS}


def _run(step: str, folder: Path, pictures: int) -> dict:
    done = json.loads(child(module("benchmarks.data_step", step, str(folder), f"--pictures={pictures}")))
    print(f"{step}, {pictures:,} pictures: {done['peak_mb']:,.0f} MB", file=sys.stderr)
    return done


def main() -> None:
    given = options()
    sizes = (given.pictures, TIMES * given.pictures)
    measured: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    for _ in range(given.rounds):
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                measured[size].append(peaks(Path(folder), size))
    found = []
    for step in STEPS:
        few, many = (tuple(each[step] for each in measured[size]) for size in sizes)
        found += [Figure(f"{step}, {size:,} pictures", peak, "MB") for size, peak in zip(sizes, (few, many))]
        ratios = tuple(more / less for less, more in zip(few, many))
        found.append(Figure(f"{step}, {TIMES} times the pictures", ratios, at_most=1.1))
    report(found, given.json)


if __name__ == "__main__":
    main()
