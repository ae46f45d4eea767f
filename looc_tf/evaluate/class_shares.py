"""How much the classifier of each class draws on each space (Xiao et al., ICLR 2021, figure 4, where they are the
branches of LooC++)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from looc_tf.config import Evaluation
from looc_tf.errors import printable
from looc_tf.evaluate.features import Features
from looc_tf.evaluate.label_probe import LabelProbe
from looc_tf.evaluate.probe_result import Fitted
from looc_tf.evaluate.questions import PARTS
from looc_tf.evaluate.readings import Reading
from looc_tf.representations import CONCAT, beside

LONGEST = 40  # characters of a class in the name of a value


class DrawsOn(LabelProbe):
    """`draws_on@CLASS` of each space: the share of the squared norm of the class's weights that lies on it, in percent,
    and `draws_on`, the mean over the classes; each sums to 100 over the spaces. Where each space owns its last stage,
    the shares of these branches are read as well, from a probe of all branches side by side.

    The weights are those of the linear probe of all spaces side by side, on standardised features, where a weight says
    what a number of the representation counts whatever its unit. Chance is the share of the space in the numbers of the
    representation. A share says what this classifier uses, not what it could not do without: `subsets` says that.
    """

    @property
    def level(self) -> None:
        return None

    def asked_of(self, features: Features) -> tuple[str, ...]:
        _, branches = features.families
        return (CONCAT, beside(branches)) if branches else (CONCAT,)

    def lacks(self, features: Mapping[str, Features]) -> str:
        one = len(features["train"].families[0]) < 2
        return "it needs two spaces" if one else super().lacks(features)

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        choice = self.choice(features, representation, settings)
        assert choice.fitted is not None
        names = next(family for family in features["train"].families if representation in (CONCAT, beside(family)))
        sizes = [features["train"].of(self.copies[0], space).shape[1] for space in names]
        shares = shares_of(choice.fitted, sizes)
        classes = unique([printable(self.name_of(number), LONGEST) for number in choice.fitted.classes])
        values = {name: shares.mean(axis=0), **{f"{name}@{each}": row for each, row in zip(classes, shares)}}
        counts = {part: len(self.labels(features[part])) for part in PARTS}
        return [
            Reading(
                space,
                what,
                value=round(float(row[place]), 4),
                chance=round(100.0 * sizes[place] / sum(sizes), 4),
                validation=round(choice.validation, 4),
                setting=choice.setting,
                rows=counts,
            )
            for what, row in values.items()
            for place, space in enumerate(names)
        ]


def shares_of(fitted: Fitted, sizes: Sequence[int]) -> np.ndarray:
    """The share in percent of each block of columns in the squared norm of each class's weights, float [C, blocks].

    Weights that differ by the same row for every class are one classifier; those of mean 0 over the classes, the
    smallest of them, are what the penalty leaves of several classes, and what two classes are turned into here. A class
    without any weight draws on nothing, and gets the shares of the sizes.
    """
    weights = fitted.weights - fitted.weights.mean(axis=0)
    ends = np.cumsum(sizes)[:-1]
    squares = np.stack([(part**2).sum(axis=1) for part in np.split(weights, ends, axis=1)], axis=1)
    total = squares.sum(axis=1, keepdims=True)
    even = np.asarray(sizes) / np.sum(sizes)
    return 100.0 * np.where(total > 0, squares / np.where(total > 0, total, 1.0), even)


def unique(names: Sequence[str]) -> list[str]:
    """The names, those that occur more than once with their place behind them.

    >>> unique(["a", "b", "a"])
    ['a (0)', 'b', 'a (2)']
    """
    counts = Counter(names)
    return [f"{name} ({place})" if counts[name] > 1 else name for place, name in enumerate(names)]
