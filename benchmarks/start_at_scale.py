"""Time how long a training on many pictures takes to its first step, from a folder and from shards of `looc pack`.

The first start has nothing of earlier ones, the second has what the first one kept. Pictures are generated JPEGs of
256 px (16 random ones, each time with another corner), a quarter of them the same files once more.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, child, module, parser, report
from benchmarks.startup import LOOC

STARTS = ("first", "second")
TIMES = 4


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=1)
    arguments.add_argument("--pictures", type=int, default=100_000, help="of the larger set (default 100,000)")
    arguments.add_argument("--size", type=int, default=64, help="data.size (default 64)")
    arguments.add_argument("--folder", help="where to draw them, 30 kB each; by default a temporary one")
    return arguments.parse_args()


def prepare(folder: Path, pictures: int) -> dict[tuple[str, int], Path]:
    """(origin, number of pictures) -> where they are; the smaller set is links to files of the larger one."""
    places = {("folder", count): folder / f"pictures-{count}" for count in (pictures // TIMES, pictures)}
    few, all_ = places.values()
    child(module("benchmarks.start_step", "draw", str(all_), f"--pictures={pictures}"))
    for file in sorted(all_.rglob("*.jpg"), key=lambda file: file.name)[: pictures // TIMES]:
        (few / file.parent.name).mkdir(parents=True, exist_ok=True)
        os.link(file, few / file.parent.name / file.name)
    for count in (pictures // TIMES, pictures):
        places["shards", count] = folder / f"shards-{count}"
        child([str(LOOC), "pack", str(places["folder", count]), "-o", str(places["shards", count])])
    return places


def started(place: Path, size: int, kept: Path) -> dict[str, float]:
    """What one start took."""
    os.environ["LOOC_CACHE"] = str(kept)
    command = module("benchmarks.start_step", "start", str(place), f"--size={size}", f"--began={time.time()}")
    found = json.loads(child(command))
    print(f"{place.name}: {found}", file=sys.stderr)
    return found


def main() -> None:
    given = options()
    measured: dict[tuple[str, int, str], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        places = prepare(Path(folder), given.pictures)
        for number in range(given.rounds):
            for (origin, count), place in places.items():
                for start in STARTS:
                    kept = Path(folder, f"kept-{number}-{origin}-{count}")
                    measured.setdefault((origin, count, start), []).append(started(place, given.size, kept))
    report([figure for origin in ("folder", "shards") for figure in figures(measured, origin, given)], given.json)


def figures(
    measured: dict[tuple[str, int, str], list[dict[str, float]]], origin: str, given: argparse.Namespace
) -> list[Figure]:
    """Those of one origin."""

    def values(count: int, start: str, name: str) -> tuple[float, ...]:
        return tuple(one[name] for one in measured[origin, count, start])

    few, many = given.pictures // TIMES, given.pictures
    what, found = f"{many:,} pictures from {origin}", []
    for start in STARTS:
        goal = 20.0 if start == "second" else None
        found.append(Figure(f"{what}, {start} start to first step", values(many, start, "seconds"), "s", at_most=goal))
    for start in STARTS:
        peaks = values(few, start, "peak_mb"), values(many, start, "peak_mb")
        found += [Figure(f"Peak, {n:,} from {origin}, {start}", peak, "MB") for n, peak in zip((few, many), peaks)]
        ratios = tuple(more / less for less, more in zip(*peaks))
        goal = 1.1 if start == "second" else None
        found.append(Figure(f"Peak, {TIMES} times the pictures from {origin}, {start}", ratios, at_most=goal))
    return [*found, Figure(f"Reading from {origin}", values(many, "second", "read_per_second"), "images/s")]


if __name__ == "__main__":
    main()
