"""Progress of a training: a bar on a terminal, lines in the log."""

from __future__ import annotations

import logging
import time
from collections import deque
from datetime import timedelta
from typing import Any

from looc_tf.progress import bars
from looc_tf.training.callbacks.base import Logs, StepCallback

log = logging.getLogger(__name__)

READINGS = ("knn", "validation")
WINDOW = 30.0  # seconds over which the speed is taken


class Clock(StepCallback):
    """Measures the speed over the last `WINDOW` seconds; the first step, which compiles, is not counted.

    Args:
        start, steps: see `StepCallback`.
        batch: pictures of a step.
    """

    def __init__(self, start: int, steps: int, batch: int):
        super().__init__(start, steps)
        self.batch = batch
        self.marks: deque[tuple[float, int]] = deque()

    def on_step(self, step: int, logs: Logs) -> None:
        now = time.monotonic()
        self.marks.append((now, step))
        while len(self.marks) > 2 and now - self.marks[0][0] > WINDOW:
            self.marks.popleft()

    @property
    def images_per_second(self) -> float | None:
        """None until two steps are done."""
        if len(self.marks) < 2:
            return None
        (began, first), (now, last) = self.marks[0], self.marks[-1]
        return (last - first) * self.batch / max(now - began, 1e-9)

    @property
    def left(self) -> timedelta | None:
        """Time until the last step at the present speed."""
        speed = self.images_per_second
        return None if speed is None else timedelta(seconds=round((self.steps - self.step) * self.batch / speed))

    def __str__(self) -> str:
        return "" if self.left is None else f"{self.images_per_second:,.0f} images/s  {self.left} left"


class Bar(StepCallback):
    """One bar on standard error: steps, loss, images per second, time left."""

    def __init__(self, clock: Clock):
        super().__init__(clock.start, clock.steps)
        self.clock, self.last = clock, ""
        self.bar: Any = None  # rich's, imported when it is drawn

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.bar = bars("spinner", "training", "bar", "count", "{task.description}", transient=False)
        self.task = self.bar.add_task("compiling the first step", total=self.steps, completed=self.start)
        self.bar.start()

    def on_step(self, step: int, logs: Logs) -> None:
        self.last = "".join(f"  {reading}" for reading in readings(logs)) or self.last  # it stays until the next
        self.bar.update(self.task, completed=step, description=f"loss {logs['loss']:.3f}{self.last}  {self.clock}")

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()


class Lines(StepCallback):
    """Logs a line at each log interval: each space's loss with what tells learning from collapse, speed, time left."""

    def __init__(self, clock: Clock, every: int):
        super().__init__(clock.start, clock.steps, every)
        self.clock = clock

    def on_step(self, step: int, logs: Logs) -> None:
        parts = [f"step {step}/{self.steps}", f"loss {logs['loss']:.3f}"]
        parts += [of_part(logs, name.removesuffix("/loss")) for name in logs if name.endswith("/loss")]
        log.debug("%s", "  ".join([*parts, *readings(logs), str(self.clock)]).rstrip())


def of_part(logs: Logs, part: str) -> str:
    """`rotation 4.210 (chance 5.553, siblings 71 %)`: the loss of a space, or of what stands beside them.

    Where the loss of guessing is not known it is the spread that tells: 1 is even, 0 one point. Siblings are those that
    the query is less near to than to its own key.
    """
    chance, spread, siblings = (logs.get(f"{part}/{what}") for what in ("chance_loss", "spread", "sibling_accuracy"))
    beside = [f"chance {chance:.3f}"] if chance is not None else [f"spread {spread:.2f}"] if spread is not None else []
    beside += [f"siblings {100 * siblings:.0f} %"] if siblings is not None else []
    return f"{part} {logs[f'{part}/loss']:.3f}" + (f" ({', '.join(beside)})" if beside else "")


def readings(logs: Logs) -> list[str]:
    """What was read on held-out pictures after a step, for people; most steps have nothing."""
    return [f"{name} {logs[name]:.1f} %" for name in READINGS if name in logs]
