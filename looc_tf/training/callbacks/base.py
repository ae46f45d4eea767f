"""The base of the callbacks of a training: something to do every so many steps."""

from __future__ import annotations

from typing import Any

from looc_tf.keras2 import keras

Logs = dict[str, Any]


class StepCallback(keras.callbacks.Callback):
    """Counts the steps of a training, resumed ones included, and acts on every `every`-th and on the last.

    A subclass says in `on_step` what to do, and in `close` what to release; `close` runs however the training ends,
    maybe twice. All callbacks of a step see the same `logs`, so what one measures the next can write.

    Args:
        start: steps done before.
        steps: of the whole training.
        every: how often to act, in steps; 0 is never.
    """

    def __init__(self, start: int, steps: int, every: int = 1):
        super().__init__()
        self.start, self.step, self.steps, self.every = start, start, steps, every

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.step += 1
        if self.every and (self.step % self.every == 0 or self.step == self.steps):
            self.on_step(self.step, {} if logs is None else logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    def on_step(self, step: int, logs: Logs) -> None:
        """What to do after this step."""

    def close(self) -> None:
        """What to release."""
