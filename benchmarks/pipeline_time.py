"""Time what the pipeline adds to training, inference and evaluation, and a second run from the cache. Needs TFX, Linux.

`looc pipeline run` twice on a small set of pictures, in a process of its own each. Orchestration is all of the first
run, imports included, but the steps that train, embed or evaluate. Processor time stands beside the wall's: the two
differ on a machine with other work.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import ROOT, Figure, child, module, parser, report

WORK = ("Pretrain", "Represent", "FitProbes", "Gate")  # training, Beam inference, evaluation
LINE = re.compile(r"\s*\d+/\d+ (\w+) +([\d.]+) s   (\S.*)")


@dataclass
class Run:
    """Seconds of a run and of its steps, on the wall's clock and of all processors."""

    wall: float
    processor: float
    steps: dict[str, tuple[float, float]]

    def beside(self, index: int) -> float:
        """All but the steps that train, embed or evaluate; 0 is the wall's clock, 1 the processors'."""
        return (self.wall, self.processor)[index] - sum(self.steps[name][index] for name in WORK)


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=1)
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.add_argument("--pictures", type=int, default=600)
    arguments.add_argument("--steps", type=int, default=30, help="of the training")
    return arguments.parse_args()


def run(folder: Path, steps: int) -> Run:
    """One `looc pipeline run`; its list of steps is read as it is written."""
    code = "from looc_tf.cli import main; main()"
    command = [sys.executable, "-W", "ignore", "-c", code, "pipeline", "run", "--config=factors/looc"]
    command += [f"--data={folder / 'pictures'}", f"--root={folder / 'root'}", f"--set=training.steps={steps}"]
    start, before, made = time.perf_counter(), 0.0, Run(0, 0, {})
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            found = LINE.fullmatch(line.rstrip("\n"))
            if found:
                now = _processor(process.pid)
                made.steps[found[1]], before = (float(found[2]), now - before), now
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    made.wall, made.processor = time.perf_counter() - start, used.ru_utime + used.ru_stime
    return made


def _processor(pid: int) -> float:
    """Processor seconds of a process and of its ended children so far."""
    values = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, values[11:15])) / os.sysconf("SC_CLK_TCK")


def figures(firsts: list[Run], seconds: list[Run]) -> list[Figure]:
    """Every step, then the sums that have a limit."""
    found = []
    for name in firsts[0].steps:
        found.append(Figure(name, tuple(one.steps[name][0] for one in firsts), "s"))
        found.append(Figure(f"{name}, processor", tuple(one.steps[name][1] for one in firsts), "s"))
    found.append(Figure("Orchestration of a first run", tuple(one.beside(0) for one in firsts), "s", at_most=60))
    found.append(Figure("Orchestration of a first run, processor", tuple(one.beside(1) for one in firsts), "s"))
    found.append(Figure("A second run, from the cache", tuple(one.wall for one in seconds), "s", at_most=40))
    return [*found, Figure("A second run, from the cache, processor", tuple(one.processor for one in seconds), "s")]


def main() -> None:
    given = options()
    firsts, seconds = [], []
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            child(module("benchmarks.data_step", "draw", folder, f"--pictures={given.pictures}"))
            firsts.append(run(Path(folder), given.steps))
            seconds.append(run(Path(folder), given.steps))
    report(figures(firsts, seconds), given.json)


if __name__ == "__main__":
    main()
