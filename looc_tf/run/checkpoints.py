"""Checkpoints of a run: the last ones and the best one, saved whole or not at all, read from the newest sound one."""

from __future__ import annotations

import logging
import re
import shutil
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from looc_tf.config import Experiment
from looc_tf.distribute import gather_from_workers
from looc_tf.errors import UserError, out_of_memory, unknown
from looc_tf.files import without_patterns
from looc_tf.methods import Method
from looc_tf.run.log import without_advice
from looc_tf.run.state import State, not_finite

log = logging.getLogger(__name__)

LAST, BEST = "ckpt", "best"  # what the names of the files begin with; the number of the step follows
CHOICES = ("last", "best")  # what a user may ask for, besides a step


class CheckpointFolder:
    """RUN/checkpoints: the last `keep` states of a method and the best one, each under the number of its step.

    A run is resumed from the last ones alone. The best one is the first with the highest reading; it survives a kill,
    since it carries its reading, and the reading of a step is the same each time the step is done.

    Args:
        folder: made at the first save.
        method: compiled; its state is saved and restored in place.
        experiment: whose training this is; a checkpoint of another one is refused.
        keep: how many of the last checkpoints remain; older ones are deleted after a newer one is safe.
    """

    def __init__(self, folder: str | Path, method: Method, experiment: Experiment, keep: int = 1):
        self.folder, self.method, self.keep = Path(folder), method, keep
        self.state = State(method, experiment)

    def steps(self, kind: str = LAST) -> list[int]:
        """The steps of the checkpoints of a kind in the folder, newest first."""
        return _steps(self.folder, kind)

    def save(self, step: int) -> None:
        """Saves all state; the checkpoints before stay as they are until this one is complete.

        Raises:
            UserError: a value is not finite (nothing is written), or the disk takes no more.
        """
        self._write(LAST, step, {})
        # Later ones are left of a run that was resumed before them: they could not be read, and will come again.
        kept = [one for one in self.steps() if one <= step][: self.keep]
        self._delete(LAST, set(self.steps()) - set(kept))

    def save_best(self, step: int, measures: Mapping[str, float]) -> None:
        """Saves all state as the best one, with its readings; raises as `save`."""
        self._write(BEST, step, measures)
        self._delete(BEST, set(self.steps(BEST)) - {step})

    def end_with_best(self, steps: int, source: CheckpointFolder | None = None) -> int | None:
        """Makes the best state, where there is one, the last one of a training of so many steps; returns its own step.

        It is written under the number of the last step, however early the training ended: a run that has it is done.
        Done twice it leaves the same. Of several machines, which must all write or none, the chief decides.

        Args:
            steps: of the whole training.
            source: where the best checkpoint is read, if that is another folder than this.
        """
        best = (source or self).steps(BEST)
        if not best:
            return None
        (source or self).restore(BEST)
        if gather_from_workers(steps not in self.steps())[0]:
            self._write(LAST, steps, {"best_step": best[0]})
            self._delete(LAST, set(self.steps()) - set(self.steps()[: self.keep]))
        return best[0]

    def best_reading(self, measure: str) -> float | None:
        """The highest reading that a best checkpoint carries; None where there is none that can be read."""
        found = []
        for step in self.steps(BEST):
            try:
                found.append(float(self.state.metadata(self._prefix(BEST, step))["measures"][measure]))
            except Exception:  # see `restore`; what is damaged is written again when its step is done again
                log.warning("The best checkpoint, of step %d in %s, cannot be read.", step, self.folder)
        return max(found, default=None)

    def restore(self, which: str = "last") -> int | None:
        """Restores a checkpoint and returns its step; None when there is none at all.

        Args:
            which: "last" for the newest that can be read, "best", or a step.

        Raises:
            UserError: the one that is asked for is not there, none can be read, or one is of another training.
        """
        kind, steps = (LAST, self.steps()) if which == "last" else self._asked(which)
        reasons = []
        for step in steps:
            try:
                self.state.read(self._prefix(kind, step), step)
            except UserError:  # of another training: the user must know, whatever came before it
                raise
            except Exception as error:  # a damaged file ends in whatever TensorFlow maps the status to: IndexError, ...
                if out_of_memory(error) is not None:
                    raise
                reasons.append(f"step {step}: {_brief(error)}")
                if step != steps[-1]:
                    log.warning(
                        "The checkpoint of step %d in %s cannot be read; trying the one before.", step, self.folder
                    )
            else:
                return step
        if reasons:
            raise UserError(
                f"None of the checkpoints in {self.folder} can be read ({'; '.join(reasons)}). {self._remedy(which)}"
            )
        return None

    def _remedy(self, which: str) -> str:
        """What to do about checkpoints that cannot be read; they may be sound elsewhere, so never to train anew."""
        copies = "put sound copies of these files back"
        if which != "last":
            return f"Choose another --checkpoint, or {copies}."
        best = ", or take the best one: --checkpoint best" if self.steps(BEST) else ""
        return f"They are left as they are: {copies}{best}."

    def sweep(self) -> None:
        """Removes what a save that did not end has left."""
        for kind in (LAST, BEST):
            for path in self.folder.glob(f"{kind}-*_temp"):
                shutil.rmtree(path, ignore_errors=True)
            for path in self.folder.glob(f"{kind}-*.data-*"):  # the index comes last: without it it is no checkpoint
                if not path.with_suffix(".index").exists():
                    path.unlink(missing_ok=True)

    def _asked(self, which: str) -> tuple[str, list[int]]:
        there = {LAST: self.steps(), BEST: self.steps(BEST)}
        if which == "best" and there[BEST]:
            return BEST, there[BEST]
        for kind, steps in there.items():
            if which.isdecimal() and int(which) in steps:
                return kind, [int(which)]
        if which == "best":
            raise UserError(
                f"Expected a best checkpoint in {self.folder}. There is none: the run took no reading on held-out "
                "pictures, for want of labels or with training.monitor_every=0. Take the last one."
            )
        all_steps = map(str, sorted({*there[LAST], *there[BEST]}))
        raise unknown(f"checkpoint in {self.folder}:", which, [*CHOICES[: 1 + bool(there[BEST])], *all_steps])

    def _prefix(self, kind: str, step: int) -> Path:
        return self.folder / f"{kind}-{step}"

    def _write(self, kind: str, step: int, measures: Mapping[str, float]) -> None:
        broken = not_finite(self.method)
        if broken:
            raise UserError(diverged(step, f"{broken} holds values that are not finite", self.steps()))
        try:
            self.state.write(self._prefix(kind, step), step, measures)
        except (tf.errors.OpError, OSError) as error:
            self.sweep()
            if out_of_memory(error) is not None:
                raise
            kept = f"The one of step {self.steps()[0]} is intact. " if self.steps() else ""
            raise UserError(
                f"Could not save the checkpoint of step {step} in {self.folder}: {_brief(error)}. "
                f"{kept}Free space, then go on with --resume."
            ) from error

    def _delete(self, kind: str, steps: set[int]) -> None:
        """The index first: without it there is no checkpoint, and `sweep` finds the rest."""
        for step in steps:
            prefix = self._prefix(kind, step)
            for path in (Path(f"{prefix}.index"), *self.folder.glob(f"{prefix.name}.data-*")):
                path.unlink(missing_ok=True)


def begin_with(method: Method, folder: str | Path) -> None:
    """Gives a fresh method the encoders of the newest checkpoint in the folder of another run.

    Raises:
        UserError: there is none, it cannot be read, or its network has another shape.
    """
    steps = _steps(Path(folder), LAST)
    if not steps:
        raise UserError(f"Expected the checkpoint of an earlier run in {folder}. Found none. Start without it.")
    newest = Path(folder) / f"{LAST}-{steps[0]}"
    # A reader that is freed with values it has not read warns of each. The frames of the error hold it until then.
    with without_advice("Detecting that an object or model", "Value in checkpoint could not be found"):
        try:
            _read(newest, method.encoders())
        except Exception as error:  # see `CheckpointFolder.restore`
            if out_of_memory(error) is not None:
                raise
            why = _unfitting(method, newest, error)
            traceback.clear_frames(error.__traceback__)
            raise UserError(why) from error
    log.info("The encoders begin with those of %s", newest)


def _read(prefix: Path, networks: Mapping[str, Any]) -> None:
    """Restores parts of a method, each whole; what the checkpoint holds besides is left alone."""
    with without_patterns(prefix.parent) as folder:
        status = tf.train.Checkpoint(method=tf.train.Checkpoint(**networks)).read(str(folder / prefix.name))
        status.expect_partial().assert_existing_objects_matched()  # in this order, or a refusal warns of every value


def _unfitting(method: Method, newest: Path, error: Exception) -> str:
    """Why a run cannot be begun with, and whether its trunk can be."""
    run = newest.parent.parent
    remedy = "Start without it, or with the same model and spaces."
    if _trunk_fits(method, newest):
        remedy = f"To begin with its trunk alone, set model.weights={run} instead."
        lacking = _lacking(method, newest)
        if lacking:
            return f"{run} holds no {', '.join(lacking)}, which a warm start of this experiment takes. {remedy}"
    return (
        f"The network of {newest} has another shape than this experiment's, or is damaged ({_brief(error)}). {remedy}"
    )


def _trunk_fits(method: Method, newest: Path) -> bool:
    encoder = method.encoder
    last = {"stages": encoder.stages} if encoder.last is None else {"last": encoder.last}
    try:
        _read(newest, {"encoder": tf.train.Checkpoint(shared=encoder.shared, **last)})
    except Exception:  # see `CheckpointFolder.restore`
        return False
    return True


def _lacking(method: Method, newest: Path) -> list[str]:
    """The encoders of a method, and heads of its first one, that a checkpoint does not hold."""
    with without_patterns(newest.parent) as folder:
        held = [name for name, _ in tf.train.list_variables(str(folder / newest.name))]
    wanted = [*method.encoders(), *(f"encoder/heads/{head}" for head in method.encoder.heads)]
    lacking = [name for name in wanted if not any(one.startswith(f"method/{name}/") for one in held)]
    return [name.replace("encoder/heads/", "heads/") for name in lacking]


def diverged(step: int, what: str, kept: list[int]) -> str:
    """The message of a run that stops because something is not finite."""
    milder = "a lower optimizer.learning_rate, more optimizer.warmup_steps, or higher temperatures"
    if not kept:
        return f"Stopped at step {step}: {what}. There is no checkpoint yet. Train again with {milder}."
    return (
        f"Stopped at step {step}: {what}. The last good checkpoint, of step {kept[0]}, is kept. Train on from it: "
        f"another --out, --warm with the folder of this run, and {milder}."
    )


def holds_checkpoints(run: Path, kinds: tuple[str, ...] = (LAST, BEST)) -> bool:
    """Whether the folder of a run holds weights, whatever else of it may be missing."""
    return any(_steps(run / "checkpoints", kind) for kind in kinds)


def _steps(folder: Path, kind: str) -> list[int]:
    numbers = (path.stem.rpartition("-")[2] for path in folder.glob(f"{kind}-*.index"))
    return sorted((int(number) for number in numbers if number.isdecimal()), reverse=True)


def _brief(error: BaseException) -> str:
    """One line; TensorFlow begins with the name of its operation, and of a full disk it may say no more than a path."""
    said = re.sub(r"\{\{.*?\}\}", "", str(error))
    return " ".join(f"{type(error).__name__}: {said}".split()).rstrip("; ")[:200]
