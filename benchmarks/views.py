"""Compare the rendering of one view at 32 and 224 pixels with another library's program.

Ours and theirs run in turn, each in a process of its own; a ratio is taken within a round and the median over the
rounds is the figure, so that a load that comes and goes does not favor one side.
"""

from __future__ import annotations

import argparse
import json

from benchmarks.figures import Figure, child, module, parser, report

SOURCES = {32: 32, 224: 256}  # pixels of a view -> pixels of a source image
TARGETS = {32: 10.0, 224: 4.0}  # times the peer's speed


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=3)
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.add_argument("--sizes", type=int, nargs="*", default=[*SOURCES], choices=SOURCES, help="pixels of a view")
    arguments.add_argument("--views", type=int, default=1, help="views of each image")
    arguments.add_argument("--workers", type=int, default=2, help="our threads, their processes")
    arguments.add_argument("--seconds", type=float, default=10, help="of each measurement")
    arguments.add_argument("--peer-python", help="Python of the environment that holds the other library")
    arguments.add_argument("--peer-script", help="its program: --size --source --views --workers --seconds")
    given = arguments.parse_args()
    if bool(given.peer_python) != bool(given.peer_script):
        arguments.error("--peer-python and --peer-script belong together.")
    return given


def measure(given: argparse.Namespace, size: int) -> list[Figure]:
    """Images per second of both in each round, and their ratio."""
    shape = [f"--size={size}", f"--source={SOURCES[size]}"]
    shape += [f"--{name}={getattr(given, name)}" for name in ("views", "workers", "seconds")]
    ours, theirs = [], []
    for _ in range(given.rounds):
        ours.append(speed(module("benchmarks.render", *shape)))
        if given.peer_python:
            theirs.append(speed([given.peer_python, given.peer_script, *shape]))
    about = f"{given.views} view{'s' if given.views > 1 else ''}, {size} px"
    figures = [Figure(f"Rendering {about}", tuple(ours), "images/s")]
    if theirs:
        ratios = tuple(a / b for a, b in zip(ours, theirs))
        figures.append(Figure(f"Rendering of the peer, {about}", tuple(theirs), "images/s"))
        figures.append(Figure(f"Rendering speed / the peer's, {about}", ratios, at_least=TARGETS[size]))
    return figures


def speed(command: list[str]) -> float:
    """Images per second of one run."""
    return json.loads(child(command))["images_per_second"]


def main() -> None:
    given = options()
    report([figure for size in given.sizes for figure in measure(given, size)], given.json)


if __name__ == "__main__":
    main()
