"""Checkpoints: all state of a training, saved whole or not at all, read from the newest that is sound."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import tensorflow as tf

from looc_tf.errors import UserError
from looc_tf.methods import Method

log = logging.getLogger(__name__)

PREFIX = "ckpt"


def checkpoint(method: Method) -> tf.train.Checkpoint:
    """All state of a training: encoders, queues, optimizer (which counts the steps) and running means.

    The position in the data and all random draws follow from the seed and the step.
    """
    method.optimizer.build(method.learned())
    return tf.train.Checkpoint(method=method, optimizer=method.optimizer)


class CheckpointFolder:
    """RUN/checkpoints: the last `keep` states of a method, each under the number of its step.

    Args:
        folder: made at the first save.
        method: compiled; its state is saved and restored in place.
        keep: how many checkpoints remain; older ones are deleted after a newer one is safe.
    """

    def __init__(self, folder: str | Path, method: Method, keep: int = 1):
        self.folder, self.method = Path(folder), method
        self.checkpoint = checkpoint(method)
        self.manager = tf.train.CheckpointManager(self.checkpoint, str(folder), keep, checkpoint_name=PREFIX)

    def steps(self) -> list[int]:
        """The steps of the checkpoints in the folder, newest first."""
        numbers = (path.stem.rpartition("-")[2] for path in self.folder.glob(f"{PREFIX}-*.index"))
        return sorted((int(number) for number in numbers if number.isdigit()), reverse=True)

    def save(self, step: int) -> None:
        """Saves all state; the checkpoints before stay as they are until this one is complete.

        Raises:
            UserError: a value is not finite (nothing is written), or the disk takes no more.
        """
        broken = not_finite(self.method)
        if broken:
            raise UserError(diverged(step, f"{broken} holds values that are not finite", self.steps()))
        try:
            self.manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as error:
            self.sweep()
            kept = f"The one of step {self.steps()[0]} is intact. " if self.steps() else ""
            raise UserError(
                f"Could not save the checkpoint of step {step} in {self.folder}: {_brief(error)}. "
                f"{kept}Free space, then go on with --resume."
            ) from error

    def restore(self, *, partial: bool = False) -> int | None:
        """Restores the newest checkpoint that can be read and returns its step; None when there is none.

        Args:
            partial: the checkpoint may hold more than the method (but not less).

        Raises:
            UserError: there are checkpoints, and none can be read.
        """
        reasons = []
        for step in self.steps():
            try:
                status = self.checkpoint.restore(str(self.folder / f"{PREFIX}-{step}"))
                status.assert_existing_objects_matched().expect_partial() if partial else status.assert_consumed()
            except Exception as error:  # a damaged file ends in whatever TensorFlow maps the status to: IndexError, ...
                reasons.append(f"step {step}: {_brief(error)}")
                log.warning("The checkpoint of step %d in %s cannot be read; trying the one before.", step, self.folder)
            else:
                return step
        if reasons:
            raise UserError(
                f"None of the checkpoints in {self.folder} can be read ({'; '.join(reasons)}). "
                "Train again into another --out."
            )
        return None

    def sweep(self) -> None:
        """Removes what a save that did not end has left."""
        for path in self.folder.glob(f"{PREFIX}-*_temp"):
            shutil.rmtree(path, ignore_errors=True)
        for path in self.folder.glob(f"{PREFIX}-*.data-*"):  # the index comes last: without it there is no checkpoint
            if not path.with_suffix(".index").exists():
                path.unlink(missing_ok=True)


def begin_with(method: Method, folder: str | Path) -> None:
    """Gives a fresh method the encoders of the newest checkpoint in the folder of another run.

    Raises:
        UserError: there is none, or its network has another shape.
    """
    newest = tf.train.latest_checkpoint(str(folder))
    if newest is None:
        raise UserError(f"Expected the checkpoint of an earlier run in {folder}. Found none. Start without it.")
    encoders = {name: getattr(method, name) for name in ("encoder", "key_encoder") if hasattr(method, name)}
    try:
        status = tf.train.Checkpoint(method=tf.train.Checkpoint(**encoders)).restore(newest)
        status.assert_existing_objects_matched().expect_partial()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise UserError(
            f"The network of {newest} has another shape than this experiment's ({_brief(error)}). "
            "Start without it, or with the same model and spaces."
        ) from error
    log.info("The encoders begin with those of %s", newest)


def not_finite(method: Method) -> str | None:
    """The name of the first variable of a method or its optimizer with a value that is not finite."""
    for variable in (*method.variables, *method.optimizer.variables):
        if variable.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(variable))):
            return variable.name
    return None


def diverged(step: int, what: str, kept: list[int]) -> str:
    """The message of a run that stops because something is not finite."""
    last = f"The last good checkpoint, of step {kept[0]}, is kept. " if kept else "There is no checkpoint yet. "
    return (
        f"Stopped at step {step}: {what}. {last}"
        "Train again with a lower optimizer.learning_rate, more optimizer.warmup_steps, or higher temperatures."
    )


def _brief(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]
