"""Run every benchmark and print one table: figure, target, median, range over the rounds, target met or not."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, child, module, parser

COLUMNS = ("figure", "target", "median", "range", "met")


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=3)
    arguments.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    arguments.add_argument("--peer-python", help="Python of an environment with torch, torchvision and lightly")
    arguments.add_argument("--peer-step", help="program that times the peer's training step, see benchmarks/README.md")
    arguments.add_argument("--peer-views", help="program that times the peer's views, see benchmarks/README.md")
    given = arguments.parse_args()
    if (given.peer_step or given.peer_views) and not given.peer_python:
        arguments.error("--peer-step and --peer-views need --peer-python.")
    return given


def commands(given: argparse.Namespace) -> list[list[str]]:
    """The programs, each of which prints its figures as JSON."""
    rounds = [f"--rounds={given.rounds}", "--json"]

    def peer(script: str | None) -> list[str]:
        return [f"--peer-python={given.peer_python}", f"--peer-script={script}"] if script else []

    return [
        module("benchmarks.startup", "--json"),
        module("benchmarks.views", *rounds, *peer(given.peer_views)),
        module("benchmarks.step", *rounds, *peer(given.peer_step)),
        module("benchmarks.step", *rounds, "--bfloat16", "--spaces", "2", *peer(given.peer_step)),
        module("benchmarks.step", *rounds, "--width=16", "--spaces", "2"),
        module("benchmarks.methods", *rounds),
        module("benchmarks.neighbors", *rounds),
    ]


def measure(programs: Sequence[Sequence[str]]) -> list[Figure]:
    """Run the programs one after the other."""
    figures: list[Figure] = []
    for command in programs:
        print(*command[1:], file=sys.stderr)
        figures += [Figure(**found) for found in json.loads(child(command))]
    return figures


def show(figures: Sequence[Figure], markdown: bool) -> None:
    """Print the table on the terminal, or as Markdown."""
    rows = [figure.cells() for figure in figures]
    if markdown:
        for row in (COLUMNS, ("---",) * len(COLUMNS), *rows):
            print("|", " | ".join(row), "|")
        return
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def main() -> None:
    given = options()
    figures = measure(commands(given))
    if given.json:
        print(json.dumps([vars(figure) for figure in figures]))
    else:
        show(figures, given.markdown)


if __name__ == "__main__":
    main()
