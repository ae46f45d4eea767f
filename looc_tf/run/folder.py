"""The folder of a run: whose it is, and what it holds.

RUN/config.yaml      the whole config, defaults included
RUN/run.json         version, commit, seed, command, machine, pictures
RUN/train.log        what the run said
RUN/history.csv      a row of measures every `training.log_every` steps; RUN/logs/ holds the same for TensorBoard
RUN/checkpoints/     all state
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from pathlib import Path
from types import TracebackType
from typing import Any

import tensorflow as tf

import looc_tf
from looc_tf import config, distribute, experiments
from looc_tf.config import Experiment
from looc_tf.data import Source, census_of, summary
from looc_tf.errors import UserError
from looc_tf.files import is_temporary, remove_temporaries, typed, write_atomically, writing
from looc_tf.methods import Facts, Method, begin_with_weights
from looc_tf.registry import retyped
from looc_tf.run.about import commit, fingerprint, read_about, write_about
from looc_tf.run.checkpoints import LAST, CheckpointFolder, begin_with, holds_checkpoints
from looc_tf.run.log import COUNTS, FILE_ALONE, logging_to

log = logging.getLogger(__name__)

STARTING = ("run.json", "train.log")  # what a run that was killed before it had a config.yaml may leave
BEGUN = (*STARTING, "config.yaml", "logs", "checkpoints")  # what one has before its first step


class RunFolder:
    """A run folder that a training enters, begins in and leaves.

    Entering sees that the folder can become this experiment's own, or already is, and writes nothing. From `begin` on
    it has one writer, and what the library logs goes to RUN/train.log. Of several machines the chief alone writes
    `path`; each of the others writes into a folder that goes when it leaves.

    Args:
        path: a folder that does not exist yet; with `resume`, one that an interrupted run of this config left.
        experiment: whose training it is.
        resume: whether to go on from its last checkpoint.

    Attributes:
        own: where this machine writes: `path` on the chief.
        checkpoints: of the method, from `begin` on.
        start: the steps that were done before, from `begin` on.
        own_source: whether the training pictures were given as they are, and not by a name.
    """

    own_source: bool = False

    checkpoints: CheckpointFolder
    start: int

    def __init__(self, path: str | Path, experiment: Experiment, resume: bool = False):
        self.path, self.experiment, self.resume = Path(path), experiment, resume
        self._open = contextlib.ExitStack()
        self._told = 0

    def __enter__(self) -> RunFolder:
        """Claims the folder; `UserError` where it is somebody else's, is taken, or cannot be written."""
        self.own = self._open.enter_context(distribute.chief_folder(self.path))
        try:
            if self.chief or self.resume:
                self._claim()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    @property
    def chief(self) -> bool:
        """Whether this machine writes the run folder itself."""
        return self.own == self.path

    def begin(self, method: Method, source: Source, facts: Facts, warm: str | Path | None = None) -> int:
        """Makes the folder the run's own and its state the method's; returns the steps that were done before.

        Args:
            method: compiled; restored in place.
            source: the training pictures.
            facts: of the training.
            warm: another run, whose encoders a new training begins with.

        Raises:
            UserError: another process trains into the folder, the pictures are others than those it began with, or
                there is no checkpoint that can be read.
        """
        self._open.enter_context(logging_to(self.own))
        if self.chief:
            self._claim()  # again: from here on no other process can
            remove_temporaries(self.path)
        if self.resume:
            warm = warm or read_about(self.path).get("warm")
        elif warm:
            if self.experiment.model.weights:
                raise UserError("A run begins with another run or with model.weights. Received both: leave one out.")
            begin_with(method, Path(warm) / "checkpoints")  # before anything is written: it may not fit
        taken = None if self.resume else begin_with_weights(method, self.experiment)
        self._describe(source, facts, warm, taken)
        self.checkpoints = CheckpointFolder(
            self.own / "checkpoints", method, self.experiment, self.experiment.training.keep
        )
        self.checkpoints.sweep()
        self.start = self._restore(method)
        if self.resume and not holds_checkpoints(self.path, (LAST,)):  # it was stopped before its first checkpoint
            if warm:
                begin_with(method, Path(warm) / "checkpoints")
            begin_with_weights(method, self.experiment)
        self._introduce(source, facts)
        self.log_skipped(source)
        return self.start

    def log_skipped(self, source: Source) -> None:
        """Names the broken pictures where there are more than were told of."""
        if len(source.skipped) > self._told:
            log.warning("%s", summary(source.skipped))
        self._told = len(source.skipped)

    def end(self, source: Source, facts: Facts) -> None:
        """Says that the training is done, and which pictures turned out to be broken."""
        method = self.checkpoints.method
        taken = int(method.optimizer.iterations.numpy())
        if method.ends_with_best and facts.steps and (taken >= facts.steps or method.ended_early):
            self._end_with_best(facts)  # but not where a callback of the user's own has stopped it
        if not self.checkpoints.steps():
            self.checkpoints.save(taken)  # of no steps: random weights, the baseline of every probe
        self.log_skipped(source)
        if max(self.checkpoints.steps()) == facts.steps:  # else a callback has stopped it, and that was said
            log.info("Done: %d steps in %s", facts.steps, self.path)

    def _end_with_best(self, facts: Facts) -> None:
        method, experiment = self.checkpoints.method, self.experiment
        begun = None if self.chief else CheckpointFolder(self.path / "checkpoints", method, experiment)
        step = self.checkpoints.end_with_best(facts.steps, begun)
        if step is None:
            log.warning("No accuracy was read on a validation part: the weights of the last step are kept.")
        else:
            reading = self.checkpoints.best_reading(method.reading)
            log.info("The weights of step %d are kept, the best on the validation part (%.1f %%)", step, reading or 0.0)

    def _claim(self) -> None:
        if self.resume:
            self._check_same_training()
        elif self.path.exists() and not _unused(self.path):
            is_run = (self.path / "config.yaml").is_file()
            resumable = "go on with --resume (in Python resume=True), or " if is_run else ""
            raise UserError(f"{self.path} exists and is not empty: {resumable}choose another --out.")
        nearest = next(folder for folder in (self.path, *self.path.absolute().parents) if folder.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK):
            raise UserError(
                f"Expected a folder for the run. {nearest} is not one you may write to. Choose another --out."
            )

    def _check_same_training(self) -> None:
        if not (self.path / "config.yaml").is_file():
            raise UserError(f"Nothing to resume: {self.path} is not a run folder. Leave out --resume to start one.")
        for path in self.path.rglob("*"):
            if path.is_symlink():  # somebody else's run folder could make the run write through it into any file
                raise UserError(f"{path} is a link. A run is resumed into its own folder: put the file itself there.")
        changed = config.describe_changes(experiments.load(self.path / "config.yaml"), self.experiment)
        if changed:
            raise UserError(
                f"{self.path} was trained with another config: {changed}. "
                f"Choose another --out, or resume with {self.path / 'config.yaml'}.{self._longer(changed)}"
            )

    def _longer(self, changed: str) -> str:
        """How to train on for longer, for who has changed the length of the training: its schedule is another one."""
        if not re.search(r"\btraining\.(steps|epochs) was", changed):
            return ""
        return f" To train on for longer: looc train CONFIG --warm {typed(self.path)} --out NEW."

    def _describe(
        self, source: Source, facts: Facts, warm: str | Path | None, taken: dict[str, Any] | None = None
    ) -> None:
        """Writes what the run is made of or, resuming, sees that it goes on with the pictures it had."""
        if self.resume:
            self._check_same_pictures(source)
        if not self.resume or not self.chief:
            with writing(self.own):
                self.own.mkdir(parents=True, exist_ok=True)
            write_about(self.own, self.experiment, source, facts, warm, taken, self.own_source)
            write_atomically(self.own / "config.yaml", config.to_yaml(self.experiment))  # what makes the folder a run
        elif set(config.difference(experiments.load(self.own / "config.yaml"), self.experiment)) - {"about"}:
            write_atomically(self.own / "config.yaml", config.to_yaml(self.experiment))  # what is free to change

    def _check_same_pictures(self, source: Source) -> None:
        about = read_about(self.path)
        if about.get("pictures_sha256") in (None, fingerprint(source)):  # the first versions wrote none
            return
        raise UserError(
            f"{self.path} was trained on other pictures: {about.get('pictures')} then, {len(source)} now in "
            f"{source.name!r}, and not the same by name and label. Put them back, or choose another --out."
        )

    def _restore(self, method: Method) -> int:
        if not self.resume:
            return 0
        begun = self.checkpoints if self.chief else CheckpointFolder(self.path / "checkpoints", method, self.experiment)
        start = begun.restore() or 0
        starts = distribute.gather_from_workers(start)
        if len(set(starts)) > 1:
            raise UserError(
                f"The machines would go on from steps {', '.join(map(str, starts))}: not all of them see {self.path}. "
                "Put the run folder on storage that they share."
            )
        return start

    def _introduce(self, source: Source, facts: Facts) -> None:
        """The first lines of a run's log: pictures, version, commit, the whole config; a screen is told where to find
        that."""
        census = census_of([source])
        for line in census.lines if census else ():
            log.info("%s", line, extra=COUNTS)
        log.info("looc %s, commit %s, TensorFlow %s", looc_tf.__version__, commit() or "unknown", tf.__version__)
        log.info("%s: steps %d to %d into %s", self.experiment.name, self.start, facts.steps, self.path)
        log.info("The whole config is in %s", self.path / "config.yaml")
        log.debug("%s", config.to_yaml(self.experiment).rstrip(), extra=FILE_ALONE)


def as_begun(experiment: Experiment, path: str | Path) -> Experiment:
    """An experiment with what the run that it goes on with keeps: the rules by which its pictures were read."""
    file = Path(path) / "config.yaml"
    return config.as_begun(experiments.load(file), experiment) if file.is_file() else experiment


def _unused(path: Path) -> bool:
    """Whether a folder is empty, or of a training that ended before its first step: a config.yaml alone is a user's."""
    if not path.is_dir() or any((path / "checkpoints").glob("*")):
        return False
    own = BEGUN if (path / "run.json").is_file() else STARTING
    return all(each.name in own or is_temporary(each) for each in path.iterdir())


def export_command(path: str | Path, options: str = "") -> str:
    """What to type to export a run, each into a folder of its own: in one they are versions of one model."""
    place = typed(Path("exports", Path(path).absolute().name))
    return f"looc export {typed(path)}{options} --out {place}{retyped()}"


def resume_command(path: Path) -> str:
    """What to type to go on with a run."""
    threads = f" --threads {distribute.threads()}" if distribute.threads() else ""  # others end in other bits
    return f"looc train {typed(path / 'config.yaml')} --out {typed(path)} --resume{threads}{retyped()}"
