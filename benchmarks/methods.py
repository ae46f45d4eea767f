"""Compare what a step of each method costs with MoCo's, and with the count of encoder passes in docs/methods.md.

Each method runs in a process of its own on one thread, one after the other, round after round; a ratio is taken within
a round and the median over the rounds is the figure. The time of a step is the processor's, which on one thread is that
of a quiet machine: other work costs it little.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass

from benchmarks.figures import Figure, child, module, parser, report

MOCO = "MoCo"
SIDE, SMALL = 32, 16  # pixels of a view, of a small view


@dataclass(frozen=True)
class Case:
    """A method as it is measured: heads, predictors and prototypes of the config for CIFAR-10.

    Args:
        config: its name.
        passes: encoder passes a picture, as docs/methods.md counts them.
        small: those of small views among them.
        changes: of the config, for methods that have none of their own there.
    """

    config: str
    passes: int
    small: int = 0
    changes: tuple[str, ...] = ()

    @property
    def whole(self) -> float:
        """The passes as so many of whole views, by their pixels."""
        return self.passes - self.small + self.small * (SMALL / SIDE) ** 2


ALL, ROTATION = "{name: all}", "{name: rotation, shares: [rotation]}"
JOINT = "method={name: joint, spaces: [%s]}"
CASES = {
    MOCO: Case("cifar10/moco-color-rotation", 4),
    "LooC n=1": Case("cifar10/looc-rotation", 5),
    "SimCLR": Case("cifar10/simclr-rotation", 6),
    "SimCLR n=1": Case("cifar10/simclr-looc-rotation", 9),
    "BYOL": Case("cifar10/byol-rotation", 8),
    "BYOL n=1": Case("cifar10/byol-looc-rotation", 12),
    "SimSiam": Case("cifar10/simsiam-rotation", 6),
    "SimSiam n=1": Case("cifar10/simsiam-looc-rotation", 9),
    "SwAV": Case("cifar10/swav-rotation", 6),
    "SwAV n=1": Case("cifar10/swav-looc-rotation", 9),
    "DINO": Case("cifar10/dino-rotation", 8),
    "DINO n=1": Case("cifar10/dino-looc-rotation", 12),
    "joint entropy": Case("cifar10/simclr-rotation", 6, changes=(JOINT % ALL,)),
    "joint entropy n=1": Case("cifar10/simclr-rotation", 9, changes=(JOINT % f"{ALL}, {ROTATION}",)),
    "AugSelf": Case("cifar10/simsiam-rotation", 6, changes=("method={name: augself, predictor: 128}",)),
    "E-SSL": Case(
        "cifar10/simclr-rotation",
        18,
        small=12,
        changes=("method={name: essl}", f"views.chain.local={{kind: crop, size: {SMALL}, area: [0.05, 0.14]}}"),
    ),
    "supervised": Case("cifar10/moco-color-rotation", 3, changes=("method={name: supervised}",)),
}


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=3)
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.add_argument("--only", nargs="*", default=[*CASES], choices=CASES, help="methods beside MoCo")
    arguments.add_argument("--batch", type=int, default=128)
    arguments.add_argument("--steps", type=int, default=8, help="steps timed in a round")
    return arguments.parse_args()


def command(case: Case, given: argparse.Namespace) -> list[str]:
    """The program that takes a case's steps."""
    changes = [f"--set={change}" for change in case.changes]
    shape = [f"--batch={given.batch}", f"--steps={given.steps}", "--threads=1"]
    return module("benchmarks.train_step", f"--config={case.config}", *changes, *shape)


def measure(given: argparse.Namespace) -> dict[str, list[dict]]:
    """Run every case once a round, MoCo first."""
    names = [MOCO, *(name for name in given.only if name != MOCO)]
    measured: dict[str, list[dict]] = {name: [] for name in names}
    for _ in range(given.rounds):
        for name in names:
            run = json.loads(child(command(CASES[name], given)))
            print(f"{name}: {run['cpu_ms_per_step']:.1f} ms, {run['peak_mb']:.0f} MB", file=sys.stderr, flush=True)
            measured[name].append(run)
    return measured


def figures(measured: dict[str, list[dict]]) -> list[Figure]:
    """MoCo's own figures, then those of each method over MoCo's in the same round."""

    def ratio(name: str, key: str) -> tuple[float, ...]:
        return tuple(run[key] / first[key] for run, first in zip(measured[name], measured[MOCO]))

    moco = measured[MOCO]
    found = [
        Figure(f"{MOCO} step, one thread", tuple(run["cpu_ms_per_step"] for run in moco), "ms"),
        Figure(f"{MOCO} peak memory", tuple(run["peak_mb"] for run in moco), "MB"),
    ]
    for name in list(measured)[1:]:
        passes = CASES[name].whole / CASES[MOCO].whole
        found.append(Figure(f"{name} step time / MoCo's ({passes:.3g} by passes)", ratio(name, "cpu_ms_per_step")))
        found.append(Figure(f"{name} peak memory / MoCo's", ratio(name, "peak_mb")))
    return found


def main() -> None:
    given = options()
    report(figures(measure(given)), given.json)


if __name__ == "__main__":
    main()
