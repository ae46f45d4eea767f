"""The measures of a run over time: history.csv and TensorBoard."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import socket
import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from looc_tf.files import write_atomically, writing
from looc_tf.training.callbacks.base import Logs, StepCallback
from looc_tf.training.callbacks.progress import Clock


class History(StepCallback):
    """Writes the running means of each window to history.csv and TensorBoard, then starts a new window.

    history.csv holds nothing that depends on the clock: a run that was killed and resumed ends with the very file of
    one that was not. What a killed run wrote after its last checkpoint is taken back when it is resumed.

    Args:
        out: the run folder.
        clock: for the speed, which only TensorBoard shows.
        every: steps of a window.
        sometimes: measures that only some rows have.
    """

    def __init__(self, out: Path, clock: Clock, every: int, sometimes: tuple[str, ...] = ()):
        super().__init__(clock.start, clock.steps, every)
        self.path, self.clock, self.sometimes = out / "history.csv", clock, sometimes
        self.board = Board(out / "logs", clock.start)
        self.window: list[Any] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.window = [meter.get_weights() for meter in self.model.metrics]
        take_back(self.path, self.start)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        # Keras has just emptied the running means; those of the window in which the checkpoint was made go on.
        for meter, values in zip(self.model.metrics, self.window):
            meter.set_weights(values)
        self.window = []

    def on_step(self, step: int, logs: Logs) -> None:
        rate = tf.convert_to_tensor(self.model.optimizer.learning_rate)  # a variable, of each replica maybe
        row = {"step": step, "learning_rate": float(rate), **logs}
        self._append({**dict.fromkeys(["step", *row, *self.sometimes], ""), **row})
        measures = {name: value for name, value in row.items() if name != "step"}
        if self.clock.images_per_second:
            measures["images_per_second"] = self.clock.images_per_second
        self.board.write(step, measures)
        self.model.reset_metrics()

    def _append(self, row: dict[str, Any]) -> None:
        """In the columns that the file began with, which may be those of an earlier version."""
        lines, begun = io.StringIO(), _columns(self.path)
        writer = csv.DictWriter(lines, begun or row, restval="", extrasaction="ignore", lineterminator="\n")
        if not begun:
            writer.writeheader()
        writer.writerow({name: _text(value) for name, value in row.items()})
        with writing(self.path), self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(lines.getvalue())

    def close(self) -> None:
        self.board.close()


def _columns(path: Path) -> list[str]:
    """Those of a file that is there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


def take_back(path: Path, step: int) -> None:
    """Drops the rows of a history after `step`, and one that was cut short."""
    if not path.exists():
        return
    header, *rows = path.read_text(encoding="utf-8").splitlines() or [""]
    whole = (row for row in rows if row.count(",") == header.count(","))
    kept = [row for row in whole if row.partition(",")[0].isdigit() and int(row.partition(",")[0]) <= step]
    if kept:
        write_atomically(path, "\n".join([header, *kept]) + "\n")
    else:
        path.unlink()


def _text(value: Any) -> str:
    """Nine digits give a float32 back exactly."""
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else f"{float(value):.9g}"


class Board:
    """TensorBoard's file of one session of a run.

    Args:
        folder: RUN/logs.
        start: TensorBoard is told to forget what an earlier session wrote after this step.
    """

    def __init__(self, folder: Path, start: int):
        self.folder, self.start = folder, start
        self.file: Any = None  # made at the first point

    def write(self, step: int, measures: dict[str, Any]) -> None:
        """One point of each measure; `UserError` where the disk is full."""
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb

        with writing(self.folder):
            if self.file is None:
                self._open()
            for name, value in measures.items():
                self._add(step=step, summary=scalar_pb(name, float(value)))
            self.file.flush()

    def _open(self) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog

        self.folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files of a run in the order of their names.
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self.file = (self.folder / name).open("xb")
        self._add(file_version="brain.Event:2")
        # tf.summary has no word for this. TensorBoard takes the first of a run for its beginning, so each session
        # writes one.
        self._add(step=self.start + 1, session_log=SessionLog(status=SessionLog.START))

    def _add(self, **event: Any) -> None:
        # Not TensorBoard's own writer: its thread prints a traceback when the disk is full.
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        RecordWriter(self.file).write(Event(wall_time=time.time(), **event).SerializeToString())

    def close(self) -> None:
        """Flushes; may be called twice."""
        if self.file is not None:
            with contextlib.suppress(OSError):  # of points that were told of already
                self.file.close()
            self.file = None
