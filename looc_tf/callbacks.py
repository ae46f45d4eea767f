"""What happens beside the steps: progress, logs, checkpoints, alarms."""

from __future__ import annotations

import csv
import math
import time
from pathlib import Path

import tensorflow as tf
from tensorflow import keras

from looc_tf.config import Experiment
from looc_tf.errors import UserError


class Steps(keras.callbacks.Callback):
    """Keeps the number of steps done, resumed ones included; `every` calls `at(step, logs)` so often and at the end."""

    def __init__(self, start: int, steps: int, every: int):
        super().__init__()
        self.start, self.step, self.steps, self.every = start, start, steps, every

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.step += 1
        if self.every and (self.step % self.every == 0 or self.step == self.steps):
            self.at(self.step, logs or {})

    def at(self, step: int, logs: dict) -> None:
        """What to do at this step."""


class Progress(Steps):
    """One bar: steps, images per second, time left, loss."""

    def __init__(self, start: int, steps: int, batch: int):
        super().__init__(start, steps, every=1)
        self.batch = batch

    def on_train_begin(self, logs: dict | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]} images/s  loss {task.fields[loss]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=Console(stderr=True))
        self.task = self.bar.add_task("training", total=self.steps, completed=self.start, speed="-", loss="-")
        self.began = time.monotonic()
        self.bar.start()

    def at(self, step: int, logs: dict) -> None:
        speed = (step - self.start) * self.batch / (time.monotonic() - self.began)
        self.bar.update(self.task, completed=step, speed=f"{speed:,.0f}", loss=f"{logs.get('loss', math.nan):.3f}")

    def on_train_end(self, logs: dict | None = None) -> None:
        self.bar.stop()


class StopNotFinite(Steps):
    """Ends the run before a loss that is not finite reaches a checkpoint."""

    def at(self, step: int, logs: dict) -> None:
        if not math.isfinite(logs["loss"]):
            raise UserError(
                f"The loss is not finite at step {step}. The last good checkpoint is kept. "
                f"Lower optimizer.learning_rate, add optimizer.warmup_steps, or raise the temperatures."
            )


class History(Steps):
    """Writes the running means of each window to history.csv and TensorBoard, then starts a new window."""

    def __init__(self, out: Path, start: int, steps: int, every: int):
        super().__init__(start, steps, every)
        self.path, self.logs = out / "history.csv", out / "logs"

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.writer = tf.summary.create_file_writer(str(self.logs))

    def at(self, step: int, logs: dict) -> None:
        rate = self.model.optimizer.learning_rate
        row = {"step": step, "learning_rate": float(rate), **logs}
        with self.writer.as_default(step):
            for name, value in row.items():
                tf.summary.scalar(name, value)
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if new:
                writer.writeheader()
            writer.writerow(row)
        self.model.reset_metrics()

    def on_train_end(self, logs: dict | None = None) -> None:
        self.writer.close()


class Checkpoints(Steps):
    """Saves all state so often and at the end."""

    def __init__(self, manager: tf.train.CheckpointManager, start: int, steps: int, every: int):
        super().__init__(start, steps, every)
        self.manager = manager

    def at(self, step: int, logs: dict) -> None:
        self.manager.save(checkpoint_number=step)


def standard_callbacks(
    experiment: Experiment, out: Path, manager: tf.train.CheckpointManager, *, start: int, steps: int
) -> list[keras.callbacks.Callback]:
    """The callbacks of `looc train`, in the order in which they must run."""
    training = experiment.training
    return [
        Progress(start, steps, training.batch),
        StopNotFinite(start, steps, training.log_every),
        History(out, start, steps, training.log_every),
        Checkpoints(manager, start, steps, training.checkpoint_every),
    ]
