"""A trained run, read back from its folder."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from looc_tf import experiments, methods, optim
from looc_tf.config import Experiment
from looc_tf.data.listing import a_picture
from looc_tf.data.pixels import PLAIN, Pixels
from looc_tf.errors import UserError
from looc_tf.export import Embedder
from looc_tf.files import typed
from looc_tf.methods import Facts, Method
from looc_tf.run.about import found_again, read_about, recorded_pixels
from looc_tf.run.checkpoints import CheckpointFolder, holds_checkpoints
from looc_tf.run.folder import resume_command


@dataclass(frozen=True)
class Run:
    """A training run on disk, with its trained method.

    Attributes:
        path: the run folder.
        experiment: its config.
        method: with the weights of a checkpoint, by default the newest.
        step: of that checkpoint.
        steps: of the whole training.
        checkpoint: how it was asked for, see `load_run`.
        pixels: the rule by which its pictures became 8 bits.
    """

    path: Path
    experiment: Experiment
    method: Method
    step: int
    steps: int
    checkpoint: str = "last"
    pixels: Pixels = PLAIN

    @functools.cached_property
    def embedder(self) -> Embedder:
        """The encoder behind its preprocessing, with the stages that its config reads: what is evaluated is what is
        exported. Its graph is traced once."""
        return Embedder.from_run(self, self.experiment.evaluation.stages)

    def embedding(self, stages: Sequence[str]) -> Embedder:
        """`embedder`, or one that gives the pooled maps of other stages, see `representations.STAGES`.

        Raises:
            UserError: its network has no such stages.
        """
        if tuple(stages) == self.experiment.evaluation.stages:
            return self.embedder
        for stage in stages:
            self.method.encoder.map_channels(stage)  # says so where there is none
        return Embedder.from_run(self, stages)


def load_run(path: str | Path, checkpoint: str = "last") -> Run:
    """The experiment of a run folder and its method with the weights of a checkpoint.

    Args:
        path: the run folder.
        checkpoint: "last" for the newest sound one, "best" for the one of the highest kNN reading, or a step.

    Raises:
        UserError: the folder is not a run, is damaged, or does not hold that checkpoint.

    Example:
        >>> import looc_tf
        >>> changes = ["training.steps=0", "training.batch=8", "data.size=32"]  # 0 steps: random weights
        >>> pictures = looc_tf.source_of([[[0]]] * 8, size=32)
        >>> folder = looc_tf.train(looc_tf.load_config("factors/looc", changes), "runs/random", source=pictures)
        >>> run = load_run(folder)
        >>> run.step, sorted(run.embedder(pictures))
        (0, ['all', 'color', 'rotation', 'trunk'])
    """
    path = Path(path)
    experiment = experiment_of(path)
    facts, pixels = Facts.recorded(experiment, read_about(path)), recorded_pixels(path)
    method = compiled(experiment, facts)
    step = CheckpointFolder(path / "checkpoints", method, experiment).restore(checkpoint)
    if step is None:
        raise _nothing_saved(path)
    return Run(path, experiment, method, step, facts.steps, checkpoint, pixels)


def experiment_of(path: Path, saved: bool = False) -> Experiment:
    """The experiment of a run folder.

    Args:
        path: the run folder.
        saved: whether it is to hold a checkpoint too.

    Raises:
        UserError: the folder is not a run, or holds no checkpoint yet.
    """
    if not (path / "config.yaml").is_file():
        remedy = "Its checkpoints are there: put its config.yaml back, the file that it was trained with"
        if not holds_checkpoints(path):
            remedy = f"Train one: looc train CONFIG{_places(path)}"
        raise UserError(f"Expected the folder of a run, with a config.yaml. Received {path}. {remedy}")
    if saved and not holds_checkpoints(path):
        raise _nothing_saved(path)
    return found_again(experiments.load(path / "config.yaml"), path)


def _places(path: Path) -> str:
    """Where a run is to be trained, of which pictures: in what is there already, such as these, no run is written."""
    if not path.exists() or (path.is_dir() and not os.listdir(path)):
        return f" --out {typed(path)}"
    out = Path("runs", path.resolve().name or "mine")
    out = out.with_name(f"{out.name}-run") if out.exists() else out
    data = f" --data {typed(path)}" if path.is_dir() and a_picture(path) else ""
    return f"{data} --out {typed(out)}"


def _nothing_saved(path: Path) -> UserError:
    return UserError(f"{path} holds no checkpoint yet. Go on with: {resume_command(path)}")


def compiled(experiment: Experiment, facts: Facts) -> Method:
    """The method of an experiment, fresh, with its optimizer for the whole training."""
    method = methods.build(experiment, facts, weights=False)
    optimizer = optim.build(experiment.optimizer, facts.steps, experiment.training.batch)
    method.compile(optimizer=optimizer, jit_compile=experiment.training.xla)
    return method
