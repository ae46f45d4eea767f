"""When a training is saved: every so many steps, at its best, at its end, and when it is asked to stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import Any

from looc_tf.distribute import gather_from_workers
from looc_tf.run.checkpoints import BEST, CheckpointFolder
from looc_tf.training.callbacks.base import Logs, StepCallback

log = logging.getLogger(__name__)


class Checkpoints(StepCallback):
    """Saves all state so often and at the end; where a method ends with its best state, `RunFolder.end` saves that."""

    def __init__(self, folder: CheckpointFolder, start: int, steps: int, every: int):
        super().__init__(start, steps, every)
        self.folder = folder

    def on_step(self, step: int, logs: Logs) -> None:
        ending = self.model.ended_early or step == self.steps
        if ending and self.model.ends_with_best and gather_from_workers(bool(self.folder.steps(BEST)))[0]:
            return  # nor may a run that is killed now go on behind the step at which it ended early
        self.folder.save(step)


class BestCheckpoint(StepCallback):
    """Saves all state as the best one at each reading above all before, those before a resume included.

    It comes before `Checkpoints`: a run that is killed in between does the step again, and takes the same reading. Of
    several machines, which must all save or none, the chief decides.

    Args:
        folder: where to save.
        start, steps: see `StepCallback`.
        measure: name of the reading in the logs, which only some steps have.
    """

    def __init__(self, folder: CheckpointFolder, start: int, steps: int, measure: str = "knn"):
        super().__init__(start, steps)
        self.folder, self.measure = folder, measure
        self.best = folder.best_reading(measure)

    def on_step(self, step: int, logs: Logs) -> None:
        reading = logs.get(self.measure)
        if reading is None:
            return
        better = self.best is None or reading > self.best
        if not gather_from_workers(better)[0]:
            return
        self.folder.save_best(step, {self.measure: float(reading)})
        self.best = float(reading)
        log.debug("step %d: %s %.1f %%, the best so far, is kept", step, self.measure, reading)


class EarlyStop(StepCallback):
    """Ends the training when the best reading is so many readings old.

    It hangs on the best checkpoint alone, so that a run which was killed and resumed ends at the same step. Of several
    machines the chief decides.

    Args:
        folder: where `BestCheckpoint`, which comes before it, saves.
        start, steps, every: see `StepCallback`; `every` is that of the readings.
        patience: readings.
    """

    def __init__(self, folder: CheckpointFolder, start: int, steps: int, every: int, patience: int):
        super().__init__(start, steps, every)
        self.folder, self.patience = folder, patience

    def on_step(self, step: int, logs: Logs) -> None:
        best = self.folder.steps(BEST)
        old = bool(best) and step - best[0] >= self.patience * self.every and step < self.steps
        if gather_from_workers(old)[0]:
            self.model.stop_training = self.model.ended_early = True
            log.info("Step %d: none of the last %d readings was the best; the training ends", step, self.patience)


class StopOnSignal(StepCallback):
    """SIGINT (Ctrl-C), SIGTERM (preemption) or a callback's `stop_training` end the run after the step at hand, saved.

    Ctrl-C then raises `KeyboardInterrupt`, as in all of Python, so that a notebook takes it for what it is and a sweep
    ends. SIGTERM ends the process with `SystemExit` of 143, the shell's own code. A second signal of the same kind ends
    it at once. A callback's wish raises nothing.

    Args:
        folder: where to save.
        start, steps: see `StepCallback`.
        resume: the command that goes on, for the last line.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)
    WISH = 1  # in the place of a signal's number, below those of `SIGNALS`: a callback wants to stop

    def __init__(self, folder: CheckpointFolder, start: int, steps: int, resume: str):
        super().__init__(start, steps)
        self.folder, self.resume = folder, resume
        self.received: int | None = None
        self.before: dict[int, Any] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if threading.current_thread() is threading.main_thread():  # Python delivers signals to no other
            self.before = {number: signal.signal(number, self._note) for number in self.SIGNALS}

    def _note(self, number: int, frame: Any) -> None:
        self.received = number
        signal.signal(number, signal.SIG_DFL)
        shown = b"\x1b[?25h\n" if sys.stderr.isatty() else b""  # a second signal leaves no time for the bar's cursor
        os.write(2, shown + b"Saving after this step. Ctrl-C again ends at once.\n")

    def on_step(self, step: int, logs: Logs) -> None:
        wish = getattr(self.model, "stop_training", False)
        if step == self.steps or getattr(self.model, "ended_early", False):  # it ends after this step anyway
            return
        mine = self.received or (self.WISH if wish else 0)
        number = max(gather_from_workers(mine))  # machines stop at one step; a signal may come while they ask
        if not number:
            return
        if step not in self.folder.steps():
            self.folder.save(step)
        name = "a callback" if number == self.WISH else signal.Signals(number).name
        told = f"Stopped by {name} after step {step} of {self.steps}, saved. Go on with: {self.resume}"
        log.warning("%s", told)
        if number == signal.SIGINT:
            raise KeyboardInterrupt(told)
        if number == signal.SIGTERM:
            raise SystemExit(128 + number)
        self.model.stop_training = True  # on all machines

    def close(self) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}
