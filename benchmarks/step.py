"""Compare training steps: LooC with n = 1, 2, 3 against MoCo, and MoCo against another library's program.

Each method runs in a process of its own, one after the other, round after round; a ratio is taken within a round and
the median over the rounds is the figure, so that a load that comes and goes does not favor one side.
"""

from __future__ import annotations

import argparse
import json

from benchmarks.figures import Figure, child, module, parser, report

MOCO, PEER = "moco", "peer"


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=3)
    arguments.formatter_class = argparse.RawDescriptionHelpFormatter
    arguments.add_argument(
        "--spaces", type=int, nargs="*", default=[1, 2, 3], help="the n of LooC to measure (default 1 2 3)"
    )
    arguments.add_argument("--batch", type=int, default=128)
    arguments.add_argument("--size", type=int, default=32, help="pixels of a view")
    arguments.add_argument(
        "--width", type=int, default=64, help="channels of ResNet-18's first stage; the peer's is 64"
    )
    arguments.add_argument("--queue", type=int, default=4096)
    arguments.add_argument("--steps", type=int, default=8, help="steps timed in a round")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--bfloat16", action="store_true", help="mixed precision on both sides")
    arguments.add_argument("--peer-python", help="Python of the environment that holds the other library")
    arguments.add_argument(
        "--peer-script", help="its program: takes --batch --size --queue --steps --threads, prints JSON"
    )
    given = arguments.parse_args()
    if bool(given.peer_python) != bool(given.peer_script):
        arguments.error("--peer-python and --peer-script belong together.")
    if given.peer_python and given.width != 64:
        arguments.error(f"The peer's network has width 64. Received --width {given.width}; leave the peer out.")
    return given


def commands(given: argparse.Namespace) -> dict[str, list[str]]:
    """What is run in each round, in this order."""
    shape = [f"--{name}={getattr(given, name)}" for name in ("batch", "size", "queue", "steps", "threads")]
    precision = "mixed_bfloat16" if given.bfloat16 else "float32"
    ours = [f"--width={given.width}", f"--precision={precision}", *shape]
    runs = {MOCO: module("benchmarks.train_step", "--spaces=0", *ours)}
    if given.peer_python:
        runs[PEER] = [given.peer_python, given.peer_script, *shape, *(["--bfloat16"] if given.bfloat16 else [])]
    return runs | {f"looc{n}": module("benchmarks.train_step", f"--spaces={n}", *ours) for n in given.spaces}


def measure(runs: dict[str, list[str]], rounds: int) -> dict[str, list[dict]]:
    """Run every program once a round."""
    measured: dict[str, list[dict]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, command in runs.items():
            measured[name].append(json.loads(child(command)))
    return measured


def figures(measured: dict[str, list[dict]], about: str) -> list[Figure]:
    """Speeds, peaks, and ratios within each round."""

    def each(name: str, key: str) -> tuple[float, ...]:
        return tuple(run[key] for run in measured[name])

    def ratio(name: str, other: str, key: str) -> tuple[float, ...]:
        return tuple(a / b for a, b in zip(each(name, key), each(other, key)))

    found = [Figure(f"MoCo step, {about}", each(MOCO, "images_per_second"), "images/s")]
    if PEER in measured:
        found.append(Figure(f"MoCo step of the peer, {about}", each(PEER, "images_per_second"), "images/s"))
        found.append(Figure("MoCo speed / the peer's", ratio(MOCO, PEER, "images_per_second"), at_least=1.0))
    for name in (name for name in measured if name.startswith("looc")):
        n, targets = name[4:], (1.6, 1.2) if name == "looc2" else (None, None)
        found.append(Figure(f"LooC n={n} step, {about}", each(name, "images_per_second"), "images/s"))
        found.append(Figure(f"LooC n={n} step time / MoCo's", ratio(name, MOCO, "ms_per_step"), at_most=targets[0]))
        found.append(Figure(f"LooC n={n} peak memory / MoCo's", ratio(name, MOCO, "peak_mb"), at_most=targets[1]))
    return [*found, *(Figure(f"Peak memory of {name}", each(name, "peak_mb"), "MB") for name in measured)]


def main() -> None:
    given = options()
    about = f"width {given.width}, {given.size} px, {'bfloat16' if given.bfloat16 else 'float32'}"
    report(figures(measure(commands(given), given.rounds), about), given.json)


if __name__ == "__main__":
    main()
