"""What a method is told of a training beside its config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from looc_tf.config import Experiment
from looc_tf.data import Source
from looc_tf.errors import UserError


@dataclass(frozen=True)
class Facts:
    """The size of the data and the length of the training.

    Attributes:
        classes: of the labels; 0 where there are none.
        pictures: of the training part.
        steps: of the whole training.
        epoch: steps of one pass over the pictures.
        names: of the classes, in their order; () where they were not recorded.

    Example:
        >>> import looc_tf
        >>> pictures = looc_tf.source_of([[[0]]] * 100, labels=["cat", "dog"] * 50)
        >>> experiment = looc_tf.load_config("factors/looc", ["training.batch=16", "training.steps=90"])
        >>> Facts.of(experiment, pictures)
        Facts(classes=2, pictures=100, steps=90, epoch=6, names=('cat', 'dog'))
    """

    classes: int = 0
    pictures: int = 0
    steps: int = 0
    epoch: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, experiment: Experiment, source: Source) -> Facts:
        """Of a training on these pictures; `UserError` where they do not fill a batch."""
        training, pictures = experiment.training, len(source)
        if pictures < training.batch:
            raise UserError(
                f"training.batch is {training.batch}, and {experiment.data.name!r} has {pictures} training "
                f"picture{'s' if pictures != 1 else ''}. Lower training.batch, or give more pictures."
            )
        epoch = pictures // training.batch
        steps = training.steps if training.steps is not None else max(1, round((training.epochs or 0) * epoch))
        names = tuple(source.fields.get("label", ()))
        return cls(len(names), pictures, steps, epoch, names)

    def outgrown_by(self, queues: Mapping[str, int]) -> list[str]:
        """A line where queues hold more keys than there are pictures: their own earlier keys are negatives then."""
        longest = max(queues.values(), default=0)
        if not 0 < self.pictures < longest:
            return []
        long = [name for name, rows in queues.items() if rows > self.pictures]
        return [
            f"The queue of {', '.join(long)} holds {longest:,} keys, more than the {self.pictures:,} pictures: "
            "a picture's own keys of earlier passes are among its negatives. Shorten it, for each space: "
            f"method.spaces.0.queue={max(self.pictures // max(self.epoch, 1), self.pictures // 2)}."
        ]

    def lacking(self, settings: Any) -> str:
        """A line on the settings of a pair method for which this says too little: steps, or those of an epoch."""
        if self.epoch:
            return ""
        unused = [*settings.in_epochs(), *["rising"] * (getattr(settings, "rising", False) and not self.steps)]
        named = " and ".join(f"method.{name}" for name in unused)
        return named and (
            f"The length of the training is not known, so {named} cannot do anything. Build the method with "
            "facts=Facts.of(experiment, source)."
        )

    def outlasting(self, settings: Any) -> list[str]:
        """A line on each setting of a pair method that asks for more epochs than the training has."""
        return [
            f"method.{name} of {epochs:g} are {epochs * self.epoch:,.0f} steps, and the training has {self.steps:,}: "
            "it ends before that. Lower it, or train for longer."
            for name, epochs in settings.in_epochs().items()
            if self.steps and epochs * self.epoch >= self.steps
        ]

    @classmethod
    def recorded(cls, experiment: Experiment, about: Mapping[str, Any]) -> Facts:
        """Of a training that was, from its run.json."""
        pictures = about["pictures"]
        names = about.get("class_names")  # which earlier versions did not write
        names = tuple(map(str, names)) if isinstance(names, list) and len(names) == about["classes"] else ()
        return cls(about["classes"], pictures, about["steps"], pictures // experiment.training.batch, names)
