"""Where the time of a step goes, for people."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from looc_tf.training.profile import Profile

UNSTEADY = 0.25  # by which share of a step its parts may miss it
WIDTH = 24  # characters of a bar that is a whole step
ABOUT = {
    "targets": "keys, without a gradient",
    "forward": "queries forward, losses",
    "backward": "gradients",
    "optimizer": "the weights' step",
    "memory": "queues, slow copies",
}


def screen(found: Profile) -> Group:
    """A row for each part of a step with a bar, and below what limits the training and how long it would take."""
    table = Table(title=escape(f"a step of {found.name}: {found.batch} pictures"), box=None, title_justify="left")
    for heading, justify in (("part", "left"), ("", "left"), ("ms", "right"), ("%", "right"), ("", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name, seconds in found.parts.items():
        share = seconds / found.step
        bar = "█" * round(WIDTH * share)
        table.add_row(name, ABOUT[name], f"{1e3 * seconds:,.1f}", f"{100 * share:.0f}", bar, style="dim" * (not bar))
    table.add_row("step", "", f"{1e3 * found.step:,.1f}", "100", "", style="bold")
    return Group(table, *map(Text, lines(found)))


def lines(found: Profile) -> Iterator[str]:
    """What limits it, and how long the training would take."""
    parts = sum(found.parts.values()) / found.step
    if abs(parts - 1) > UNSTEADY:
        yield (
            f"The parts add up to {100 * parts:.0f} % of the step: each was timed by itself, and something else ran "
            "meanwhile. Profile again when the machine is quiet."
        )
    made = f"views of a batch: {1e3 * found.views:,.1f} ms, {1e3 * found.reading:,.1f} of them to read the pictures"
    if found.waits > 0:
        yield f"{made}. The step waits for them {100 * found.waits:.0f} % of the time: they are the limit."
    else:
        yield f"{made}. They are made beside the step, which does not wait for them."
    if found.operations is not None and found.least is not None:
        yield (
            f"convolutions: {found.operations / 1e9:,.1f} GFLOP a step. At the {found.speed / 1e9:,.0f} GFLOP/s of a "
            f"product of large matrices here they would take {1e3 * found.least:,.1f} ms, "
            f"{100 * found.least / found.step:.0f} % of the step."
        )
    length = datetime.timedelta(seconds=round(found.training))
    yield f"the training: {found.steps:,} steps in about {length}; readings and checkpoints come on top."
