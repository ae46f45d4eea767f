"""The table of all methods x all checks: what a method must pass to be part of the library.

`CHECKS` names every check once; `tests/methods/test_method_contract.py` runs each on every method of
`contract.CASES`, the long ones with `make test-slow`. As a program it runs all and prints the table as Markdown:

    python tests/helpers/conformance.py                  # every method, every check, every planted bug
    python tests/helpers/conformance.py looc_2 moco      # these methods
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from helpers import checks, contract, long_checks, plain
from looc_tf import methods

TESTS = Path(__file__).parents[1]
LACKS = {  # what a check asks of a method -> what a method without it is like
    "nothing": "",
    "parts": "the loss compares the pictures of a batch with each other and needs it whole",
    "heads": "no embedding space, whose collapse would go unnoticed",
    "queues": "neither keys nor queues",
    "chance": "one embedding for everything is its lowest loss, not one of guessing",
    "frozen": "nothing is kept as it is at first",
    "plain": "its paper's step is written down for the one space `all`, compared in both directions",
    "soon": "a teacher that is centred and sharpened takes thousands of steps, and a tiny network shows nothing in 200",
    "trunk": "the trunk stands still, and what a classifier of random features can reach is no affair of the method",
}


def needs_whole_batch(case) -> bool:
    """As a method declares, or refuses in the config."""
    nce = getattr(case.method, "objective", "") == "nce"  # whose partition is that of the first batch
    return methods.METHODS[case.method.name].needs_whole_batch or nce


HAS = {
    "nothing": lambda case: True,
    "parts": lambda case: not needs_whole_batch(case),
    "heads": lambda case: bool(methods.METHODS[case.method.name].heads(case)),
    "queues": lambda case: case.method.name == "looc",
    "chance": lambda case: case.method.name in ("looc", "simclr", "essl", "swav", "dino", "instdisc", "cmc"),
    "frozen": lambda case: getattr(case.method, "frozen_epochs", 0) > 0 or getattr(case.method, "trunk_rate", 1.0) == 0,
    "plain": lambda case: case.method.name in plain.PLAIN and plain.applies(case),
    "soon": lambda case: case.method.name != "dino",
    "trunk": lambda case: getattr(case.method, "trunk_rate", 1.0) > 0,
}
PRECISIONS = ("mixed_float16", "mixed_bfloat16")


def batches(case, count: int, *sizes: int) -> list[dict]:
    """So many batches, or one of each size."""
    return [contract.make_batch(case, seed, size) for seed, size in enumerate(sizes or [contract.BATCH] * count)]


@dataclass(frozen=True)
class Check:
    """One line of the table.

    Attributes:
        says: what must hold, as the table has it.
        run: `(name of a case, empty folder)`; raises AssertionError where it does not hold.
        asks: what a method must have for it, keys of `LACKS`.
        quick: the cases that the default tests run it on; None for all, the others are slow.
    """

    says: str
    run: Callable[[str, Path], None]
    asks: str = "queues"
    quick: tuple[str, ...] | None = None

    def lacks(self, name: str) -> str:
        """Why it does not apply to a case; "" where it does."""
        case = contract.CASES[name]
        return next((LACKS[each] for each in self.asks.split() if not HAS[each](case)), "")


def on_method(check, count: int = 1, *sizes: int) -> Callable[[str, Path], None]:
    """A check of a method and one batch or several, on the rewound method of a case."""

    def run(name: str, folder: Path) -> None:
        made = batches(contract.CASES[name], count, *sizes)
        check(contract.rewound(name).rewind(), made if count > 1 or sizes else made[0])

    return run


def fifo(name: str, folder: Path) -> None:
    for sizes in ((8, 8, 8), (5, 3), (20, 4)):  # not dividing the queue, changing, more than the queue
        on_method(checks.queue_holds_momentum_keys, 0, *sizes)(name, folder)


def every_size(name: str, folder: Path) -> None:
    on_method(checks.queue_holds_momentum_keys, 0, *range(1, 2 * contract.QUEUE + 2))(name, folder)


def evaluation(name: str, folder: Path) -> None:
    images = contract.make_batch(contract.CASES[name])["views"]["query"]
    checks.evaluation_changes_nothing(contract.rewound(name).rewind(), images)


def reload(name: str, folder: Path) -> None:
    method = contract.rewound(name).rewind()
    checks.checkpoint_holds_all_state(method, batches(contract.CASES[name], 2), folder / "saved")


def graph(name: str, folder: Path) -> None:
    checks.graph_equals_eager(contract.rewound(name), batches(contract.CASES[name], 2))


def xla(name: str, folder: Path) -> None:
    case = contract.CASES[name]
    case = replace(case, training=replace(case.training, xla=True))  # keys are normalised otherwise for it
    checks.graph_equals_eager(contract.Rewound(case, contract.build(case)), batches(case, 2), jit_compile=True)


def precision(name: str, folder: Path) -> None:
    for each in PRECISIONS:
        long_checks.precision_moves_as_float32(contract.CASES[name], each)


def small_gradients(name: str, folder: Path) -> None:
    long_checks.precision_moves_as_float32(contract.CASES[name], "mixed_float16", scale=1e-6)


def exported(name: str, folder: Path) -> None:
    long_checks.export_equals_the_encoder(contract.CASES[name], contract.rewound(name).rewind(), folder)


def alarm(name: str, folder: Path) -> None:
    long_checks.alarm_fires_on_a_constant_encoder_alone(
        contract.CASES[name], contract.build(contract.CASES[name], rate=0.0)
    )


def accumulation(name: str, folder: Path) -> None:
    long_checks.accumulation_equals_the_large_batch(contract.CASES[name])


def learns(name: str, folder: Path) -> None:
    long_checks.fifty_steps_beat_random_weights(contract.CASES[name])


def two_replicas(name: str, folder: Path, bug: str = "") -> None:
    """In a process of its own: logical devices are made before TensorFlow starts."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    command = [sys.executable, str(TESTS / "helpers" / "replicas.py"), str(folder), f"{name}:{bug}"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(ended.stderr[-3000:])
    long_checks.replicas_equal_one(*(dict(np.load(folder / f"{name}-{n}.npz", allow_pickle=False)) for n in (1, 2)))


def frozen(name: str, folder: Path) -> None:
    checks.what_is_frozen_does_not_move(contract.CASES[name])


def paper(name: str, folder: Path) -> None:
    plain.five_steps_are_those_of_the_paper(contract.CASES[name])


CHECKS = {
    "negatives": Check("negatives never hold the current keys", on_method(checks.current_keys_are_no_negatives, 3)),
    "losses": Check(
        "logged losses are those of the NumPy twin on the queue before the step",
        on_method(checks.losses_equal_the_twin),
    ),
    "logits": Check("a space contrasts one key, its siblings and its queue", on_method(checks.number_of_logits)),
    "queue": Check("enqueued rows are momentum keys, unit length, first in first out", fifo),
    "sizes": Check(f"the same for every batch size from 1 to {2 * contract.QUEUE + 1}", every_size, quick=()),
    "evaluation": Check("evaluation touches no queue, no EMA, no statistics", evaluation, asks="nothing"),
    "ema": Check("EMA in closed form", on_method(checks.keys_follow_in_closed_form, 3)),
    "statistics": Check(
        "the key encoder's BatchNorm takes its own statistics", on_method(checks.key_statistics_are_its_own)
    ),
    "gradients": Check("no gradient reaches keys or queues", on_method(checks.no_gradient_reaches_keys_or_queues)),
    "heads": Check("head i gets gradient from loss i alone", on_method(checks.head_gets_gradient_from_its_own_loss)),
    "chance": Check(
        "heads that say nothing have the loss of guessing", on_method(checks.guessing_costs_what_is_said), asks="chance"
    ),
    "frozen": Check("what is frozen at first has not moved a bit", frozen, asks="frozen"),
    "paper": Check(
        "five steps are those of its paper, to the bit",
        paper,
        asks="plain",
        quick=("simclr", "byol", "simsiam", "swav", "dino", "joint"),
    ),
    "moving": Check("all BatchNorms take a step's statistics", on_method(checks.all_statistics_move), asks="trunk"),
    "falls": Check("a step lowers the loss", on_method(checks.a_step_lowers_the_loss), asks="nothing"),
    "reload": Check("saved and reloaded, the next step is the same to the bit", reload, asks="nothing"),
    "replicas": Check(
        "two replicas equal one after 10 steps: weights, queues, logged losses", two_replicas, asks="nothing", quick=()
    ),
    "accumulation": Check("accumulation equals the large batch", accumulation, asks="parts", quick=("looc_2",)),
    "precision": Check("a mixed-precision step moves the weights within 10 % of float32", precision, asks="nothing"),
    "scaling": Check(
        "the same with gradients that float16 cannot hold unscaled", small_gradients, asks="nothing", quick=("looc_1",)
    ),
    "graph": Check("eager equals graph", graph, asks="nothing"),
    "xla": Check("compiled by XLA the same", xla, asks="nothing", quick=("looc_1",)),
    "export": Check("export equals the encoder", exported, asks="nothing", quick=("looc++",)),
    "alarm": Check(
        "the collapse alarm fires on a constant encoder, and not on a sound one",
        alarm,
        asks="heads",
        quick=("looc_2", "moco_v1"),
    ),
    "learns": Check(
        "50 steps (400 with predictors or a teacher) beat random weights by 5 points",
        learns,
        asks="trunk soon",
        quick=("moco",),
    ),
}


# Cells that take seconds each: of the many shapes of methods the default tests run these on one of each kind.
EXPENSIVE = ("precision", "graph", "reload")
SHAPES = ("moco", "looc_2", "simclr", "byol_looc", "dino_looc")


def is_slow(key: str, name: str) -> bool:
    """Whether the default tests leave a cell out."""
    quick = CHECKS[key].quick
    if quick is not None:
        return name not in quick
    return key in EXPENSIVE and name not in SHAPES


def judge(name: str, check: Check) -> str:
    """`pass`, the number of the reason where the check does not apply, `fail` with the reason on standard error."""
    if check.lacks(name):
        return f"[{list(LACKS.values()).index(check.lacks(name))}]"
    try:
        with tempfile.TemporaryDirectory() as folder:
            check.run(name, Path(folder))
    except Exception as error:
        print(f"{name}: {check.says}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return "**fail**"
    return "pass"


def lines(names: list[str]) -> Iterator[str]:
    """The table as Markdown: a line per check, a column per method."""
    yield f"| check | {' | '.join(f'`{name}`' for name in names)} |"
    yield "|---|" + ":-:|" * len(names)
    for number, check in enumerate(CHECKS.values()):
        began, cells = time.monotonic(), [judge(name, check) for name in names]
        took = time.monotonic() - began
        print(f"{number + 1}/{len(CHECKS)} {check.says} ({took:.0f} s)", file=sys.stderr, flush=True)
        yield f"| {check.says} | {' | '.join(cells)} |"
    for number, reason in enumerate(LACKS.values()):
        if reason:
            yield f"\n[{number}] does not apply: {reason}."


def main(*names: str) -> None:
    from helpers import planted

    for line in lines(list(names or contract.CASES)):
        print(line, flush=True)
    print("\n| planted bug | caught by the check |\n|---|---|")
    for bug in planted.BUGS:
        print(f"| {bug.says} | {planted.verdict(bug)} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
