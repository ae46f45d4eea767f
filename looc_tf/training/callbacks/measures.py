"""What is measured beside the losses: the rank of each space, its chance level, neighbors on a held-out part."""

from __future__ import annotations

import logging
import math

import numpy as np
import tensorflow as tf

from looc_tf.data import Source, open_source, reading, summary
from looc_tf.data.splits import sample
from looc_tf.errors import UserError
from looc_tf.export import Embedder
from looc_tf.methods import Facts
from looc_tf.representations import PROBABILITIES, TRUNK
from looc_tf.run.folder import RunFolder
from looc_tf.training.callbacks.base import Logs, StepCallback

log = logging.getLogger(__name__)

TRAIN, NEIGHBORS = 1000, 20  # pictures and votes of the kNN reading
HELD_OUT = {"knn": 500, "validation": 5000}  # pictures of a reading


def effective_rank(rows: np.ndarray) -> float:
    """How many directions `rows` [N, D] use: exp of the entropy of the normalised singular values.

    Roy and Vetterli 2007; RankMe (Garrido et al., ICML 2023, eq. 1). 1 when all rows are parallel, at most min(N, D).
    NaN when there are no rows, or one is not finite.

    >>> effective_rank(np.ones([8, 4])), round(effective_rank(np.eye(4)), 6)
    (1.0, 4.0)
    """
    if not len(rows) or not np.isfinite(rows).all():
        return math.nan
    values = np.linalg.svd(np.asarray(rows, np.float64), compute_uv=False)
    shares = values[values > values.max() * 1e-12] / values.sum() if values.sum() else np.ones(1)
    return float(np.exp(-np.sum(shares * np.log(shares))))


class SpaceMeasures(StepCallback):
    """Adds to the logs what a method lets itself be watched by: `effective_rank` of each watched embedding's recent
    rows, and `chance_loss`, the loss of guessing: a run that sits on it learns nothing."""

    def on_step(self, step: int, logs: Logs) -> None:
        watched, chance = self.model.watched(), self.model.chance()
        for name in {**watched, **chance}:
            if name in watched:
                logs[f"{name}/effective_rank"] = effective_rank(watched[name])
            if name in chance:
                logs[f"{name}/chance_loss"] = chance[name]


class NeighborMonitor(StepCallback):
    """Adds to the logs `knn`: percent of held-out pictures that the nearest training pictures name, by the trunk.

    It watches, and decides nothing: no weight and no random draw depends on it.

    Args:
        start, steps, every: see `StepCallback`.
        train, held_out: labelled pictures; of large sources a part chosen by a hash of the ids.
        embedder: of the encoder that is trained.
    """

    def __init__(self, start: int, steps: int, every: int, *, train: Source, held_out: Source, embedder: Embedder):
        super().__init__(start, steps, every)
        self.parts = _labelled(train, TRAIN), _labelled(held_out, HELD_OUT["knn"])
        self.embedder = embedder

    def on_step(self, step: int, logs: Logs) -> None:
        from looc_tf.evaluate import knn_accuracy  # on use: scikit-learn takes a second

        (known, known_labels), (asked, labels) = self.parts
        logs["knn"] = knn_accuracy(self._features(known), known_labels, self._features(asked), labels, k=NEIGHBORS)

    def _features(self, images: np.ndarray) -> np.ndarray:
        return _outputs(self.embedder, images, TRUNK)


class AccuracyMonitor(StepCallback):
    """Adds to the logs `validation`: percent of held-out pictures whose class the network itself names.

    Args:
        start, steps, every: see `StepCallback`.
        held_out: labelled pictures; of a large source a part chosen by a hash of the ids.
        embedder: of the network that is trained, which gives `probabilities`.
    """

    def __init__(self, start: int, steps: int, every: int, *, held_out: Source, embedder: Embedder):
        super().__init__(start, steps, every)
        self.part, self.embedder = _labelled(held_out, HELD_OUT["validation"]), embedder

    def on_step(self, step: int, logs: Logs) -> None:
        images, labels = self.part
        named = _outputs(self.embedder, images, PROBABILITIES).argmax(axis=1)
        logs["validation"] = 100.0 * float(np.mean(named == labels))


def _outputs(embedder: Embedder, images: np.ndarray, name: str, batch: int = 128) -> np.ndarray:
    parts = [embedder.images(images[row : row + batch])[name] for row in range(0, len(images), batch)]
    return np.concatenate([part.numpy() for part in parts])


def _labelled(source: Source, count: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 images and labels of at most `count` pictures that have a label."""
    rows = np.flatnonzero(source.labels["label"] >= 0)
    if len(rows) > count:
        rows = rows[sample(np.array(source.ids)[rows], count)]
    batch = source.fetch(tf.constant(rows, tf.int64))
    return batch["image"].numpy(), batch["label"].numpy()


def held_out_monitor(run: RunFolder, source: Source, facts: Facts) -> list[StepCallback]:
    """The monitor on the validation part that the method asks for; none when it is turned off or there are no labels.

    `training.monitor_every` is rounded up to a multiple of `training.log_every`, where the history has a row.
    """
    method, data, training = run.checkpoints.method, run.experiment.data, run.experiment.training
    if not training.monitor_every or "label" not in source.fields:
        return []
    if run.own_source:
        log.info("No kNN monitor: of pictures that were given as an open source there is no held-out part.")
        return []
    try:
        how = {**reading(data), "limit": HELD_OUT[method.reading], "pixels": source.pixels}
        held_out = open_source(data.name, "validation", size=data.size, **how)
    except UserError as error:  # a handful of pictures has no part to hold out
        log.info("No %s reading: %s", method.reading, error)
        return []
    if held_out.skipped:
        log.warning("%s", summary(held_out.skipped))
    if any((part.labels["label"] < 0).all() for part in (source, held_out)):  # class folders hold but a few pictures
        return []
    every = -(-training.monitor_every // training.log_every) * training.log_every
    view_size = run.experiment.views.size
    embedder = Embedder(method.final, data_size=data.size, view_size=view_size, rule=source.pixels)
    if method.reading == "validation":
        return [AccuracyMonitor(run.start, facts.steps, every, held_out=held_out, embedder=embedder)]
    return [NeighborMonitor(run.start, facts.steps, every, train=source, held_out=held_out, embedder=embedder)]
