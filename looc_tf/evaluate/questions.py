"""What can be asked of frozen features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Optional

import numpy as np

from looc_tf.config import Evaluation
from looc_tf.evaluate.features import UPRIGHT, Embed, Features, Progress
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.probe_result import Choice, Rows, majority_share
from looc_tf.evaluate.readings import Reading

if TYPE_CHECKING:
    from looc_tf.data import Source

Pictures = Mapping[str, tuple["Source", np.ndarray]]  # part -> a source, and which of its pictures
# Labelled pictures, steps, a seed, and what is told of each step -> the network that was fine-tuned on them.
Tune = Callable[["Source", int, int, Callable[[int], None]], Embed]
PARTS = ("train", "validation", "test")
CHOICE_SEED = 0  # of the protocol and not of the run: every method and every seed is probed on the same pictures


class Sample(NamedTuple):
    """Some of the test pictures, in copies that are too many to be made of every picture."""

    pictures: int  # at most so many
    copies: tuple[str, ...]


class Question(ABC):
    """An evaluation: of each representation it reads any number of named values, with an interval where it draws.

    `copies` names the copies of each picture that it reads, see `features.copies_of`.
    """

    copies: tuple[str, ...] = (UPRIGHT,)
    alone: bool = False  # whether it is read by itself and not beside others, since it trains; then it is prepared

    def prepare(self, pictures: Pictures, tune: Optional[Tune], progress: Optional[Progress]) -> None:
        """Is given what only a question asks for that trains: the pictures, and how a run is fine-tuned, if it can be.

        Args:
            pictures: of the parts.
            tune: None where there is no run, or one that cannot be fine-tuned.
            progress: called with (stage, done, total).
        """
        raise NotImplementedError(f"{type(self).__name__} is alone, and must say what it does with these.")

    @property
    def level(self) -> Optional[float]:
        """What guessing reads under the evaluation's own name, in percent; None where that says nothing."""
        return None

    def asked_of(self, features: Features) -> tuple[str, ...]:
        """The representations that it is asked of, by default each of `Features.representations`.

        Names that are joined by "+" stand for these side by side. What is asked once, of everything, names one
        representation here and those that its values are about in its readings.
        """
        return features.representations

    def sample(self, settings: Evaluation) -> Optional[Sample]:
        """What it reads of some test pictures alone: they stand beside the parts under the name it is asked by."""
        return None

    def lacks(self, features: Mapping[str, Features]) -> str:
        """Why it cannot be asked of these features, in words that follow a colon; "" where it can."""
        return ""

    def notes(self, name: str, features: Mapping[str, Features], settings: Evaluation) -> list[str]:
        """Lines on what a reader of its numbers should know besides."""
        return []

    @abstractmethod
    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        """What it reads from one representation.

        Args:
            name: under which it was asked for; a value of several is called `name@what`, such as `few_shot@5`.
            features: of the parts, and of its own sample where it has one.
            representation: one of `asked_of`.
            settings: of the config.
        """


class Probe(Question):
    """A question with one answer: which class a picture is of.

    `copies` names the copies of each picture that it reads, `classes` is the number of answers that there are and
    `guesses` that of those which anybody would guess who has seen the training part: chance is one in so many.
    """

    classes: int

    @property
    def guesses(self) -> int:
        return self.classes

    @property
    def chance(self) -> float:
        """The accuracy of guessing, in percent."""
        return round(100.0 / self.guesses, 4)

    @property
    def level(self) -> Optional[float]:
        return self.chance

    def tested(self, source: Source) -> int:
        """How many of a test part's pictures it is asked of; copies of one are no more pictures."""
        return len(source)

    @abstractmethod
    def rows(self, features: Features, representation: str) -> Rows:
        """The examples of one part of the data in one representation."""

    def read(self, train: Rows, validation: Rows, test: Rows, settings: Evaluation) -> Choice:
        """The accuracy on the test part, every setting chosen on the validation part."""
        return linear_probe(train, validation, test, settings.strengths)

    def choice(self, features: Mapping[str, Features], representation: str, settings: Evaluation) -> Choice:
        """What `read` finds in one representation."""
        train, validation, test = (self.rows(features[part], representation) for part in PARTS)
        return self.read(train, validation, test, settings)

    def lacks(self, features: Mapping[str, Features]) -> str:
        """Two classes to tell apart, and something to choose and test on."""
        labels = {part: self.labels(features[part]) for part in PARTS}
        bare = [part for part in PARTS if not len(labels[part])]
        if bare:
            return f"no labels in the {bare[0]} part"
        return "" if len(np.unique(labels["train"])) >= 2 else "it needs two classes in the training part"

    def labels(self, features: Features) -> np.ndarray:
        """The right answers of one part, int64 [N]: they are the same under every representation."""
        return self.rows(features, features.representations[0]).labels

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        rows: dict[str, Rows] = {part: self.rows(features[part], representation) for part in PARTS}
        choice = self.choice(features, representation, settings)
        return [
            Reading(
                representation,
                name,
                value=round(choice.value, 4),
                chance=self.chance,
                validation=round(choice.validation, 4),
                setting=choice.setting,
                rows={part: len(rows[part].labels) for part in PARTS},
                fitted=choice.fitted,
                balanced=None if choice.balanced is None else round(choice.balanced, 4),
                majority=round(majority_share(rows["train"].labels, rows["test"].labels), 4),
            )
        ]
