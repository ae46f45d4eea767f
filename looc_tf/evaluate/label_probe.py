"""The linear probe of a label field, and what evaluations of the same labels have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from looc_tf.config import Evaluation
from looc_tf.evaluate.features import UPRIGHT, Features
from looc_tf.evaluate.probe_result import Choice, Rows
from looc_tf.evaluate.questions import Probe

if TYPE_CHECKING:
    from looc_tf.data import Source


class LabelProbe(Probe):
    """Linear probe of a label field of the source: the object, its hue, its texture.

    Chance counts the classes that occur among the labelled training pictures, all of them, whatever
    `evaluation.limit` leaves of them: a folder or a name without a labelled training picture is no answer.

    Args:
        field: the label field.
        classes: how many names it has.
        occurring: how many of them a training picture has; all by default.
        names: of the classes.
    """

    def __init__(self, field: str, classes: int, occurring: int | None = None, names: Sequence[str] = ()) -> None:
        self.field, self.classes, self.occurring, self.names = field, classes, occurring, tuple(names)

    @property
    def guesses(self) -> int:
        return self.occurring or self.classes

    def tested(self, source: Source) -> int:
        return int((source.labels[self.field] >= 0).sum())

    def rows(self, features: Features, representation: str) -> Rows:
        return Rows(features.of(UPRIGHT, representation), features.labels[self.field]).labelled()

    def choice(self, features: Mapping[str, Features], representation: str, settings: Evaluation) -> Choice:
        """What `read` finds in one representation: once for all evaluations that read the same labels alike."""
        same = type(self).read, self.field, features["train"].same(representation), repr(settings)
        return features["train"].once(same, lambda: super(LabelProbe, self).choice(features, representation, settings))

    def name_of(self, number: int) -> str:
        """Of a class, or its number where it has none; not fit to be shown as it is."""
        return (self.names[number] if number < len(self.names) else "") or str(number)
