"""Time what a user waits for before anything happens: `looc --help` and `import looc_tf`, in fresh processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import ROOT, Figure, parser, report

LOOC = Path(sys.executable).with_name("looc")
COMMANDS = {
    "looc --help": ([str(LOOC), "--help"], 0.5),
    "import looc_tf": ([sys.executable, "-c", "import looc_tf"], 1.0),
}


def seconds(command: Sequence[str]) -> float:
    """Wall time of a command from start to exit."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    given = parser(__doc__, rounds=7).parse_args()
    for command, _ in COMMANDS.values():
        seconds(command)  # the files come from the disk once
    times = {name: tuple(seconds(command) for _ in range(given.rounds)) for name, (command, _) in COMMANDS.items()}
    report([Figure(name, times[name], "s", at_most=target) for name, (_, target) in COMMANDS.items()], given.json)


if __name__ == "__main__":
    main()
