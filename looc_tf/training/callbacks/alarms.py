"""Alarms: a loss that is not finite, embeddings that collapse."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from looc_tf.errors import UserError
from looc_tf.run.checkpoints import diverged
from looc_tf.training.callbacks.base import Logs, StepCallback

log = logging.getLogger(__name__)

RANK, SPREAD = 1.5, 0.05  # below either a space is next to a single point or line


class StopNotFinite(StepCallback):
    """Ends the run as soon as its loss is not finite.

    Args:
        start, steps: see `StepCallback`.
        kept: gives the steps of the checkpoints on disk, newest first.
    """

    def __init__(self, start: int, steps: int, kept: Callable[[], list[int]]):
        super().__init__(start, steps)
        self.kept = kept

    def on_step(self, step: int, logs: Logs) -> None:
        if not math.isfinite(logs["loss"]):
            raise UserError(diverged(step, "the loss is not finite", self.kept()))


class CollapseAlarm(StepCallback):
    """Warns when a space maps all pictures to nearly the same point, once until it has recovered.

    At the start of a training the embeddings of a sound run lie close together too, hence a time of grace.

    Args:
        start, steps, every: see `StepCallback`.
        grace: steps without alarm; by default a tenth of the training, at most 500.
    """

    def __init__(self, start: int, steps: int, every: int, grace: int | None = None):
        super().__init__(start, steps, every)
        self.grace = min(500, steps // 10) if grace is None else grace
        self.alarmed: set[str] = set()

    def on_step(self, step: int, logs: Logs) -> None:
        if step < self.grace:
            return
        for name in (column.rpartition("/")[0] for column in logs if column.endswith("/effective_rank")):
            signs = self._signs(logs[f"{name}/spread"], logs[f"{name}/effective_rank"])
            if signs and name not in self.alarmed:
                log.warning(
                    "Step %d: space %r has collapsed (%s): its embeddings are nearly one point. %s",
                    step,
                    name,
                    signs,
                    self.model.against_collapse,
                )
            (self.alarmed.add if signs else self.alarmed.discard)(name)

    @staticmethod
    def _signs(spread: float, rank: float) -> str:
        low = {f"spread {spread:.3f}, expected {SPREAD} or more": spread < SPREAD}
        low[f"effective rank {rank:.2f}, expected {RANK} or more"] = rank < RANK
        return "; ".join(sign for sign, holds in low.items() if holds)
