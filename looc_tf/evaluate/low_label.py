"""Linear classification with few of the labels, of each class the same share.

The semi-supervised protocol of self-supervised learning with 1 % and 10 % of the labels (Chen et al., ICML 2020, table
7; Misra and van der Maaten, CVPR 2020), with the trunk frozen; `looc finetune --fraction` trains the trunk as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from looc_tf.config import Evaluation
from looc_tf.evaluate.features import Features
from looc_tf.evaluate.few_labels import read_draws
from looc_tf.evaluate.label_probe import LabelProbe
from looc_tf.evaluate.questions import PARTS
from looc_tf.evaluate.readings import Reading


@dataclass(frozen=True)
class Share:
    """How many pictures of a class are drawn: the nearest whole number to its share, one at least.

    >>> Share(0.01)(30), Share(0.1)(30)
    (1, 3)
    """

    of_one: float

    def __call__(self, size: int) -> int:
        return max(1, int(self.of_one * size + 0.5))


class LowLabel(LabelProbe):
    """`low_label@P%` for each of `evaluation.shares`: the mean over `evaluation.draws` draws of that part of the labels
    of the pictures that `evaluation.limit` leaves."""

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        parts = {part: self.rows(features[part], representation) for part in PARTS}
        found: list[Reading] = []
        for what, share in {f"{name}@{100 * share:g}%": share for share in settings.shares}.items():
            blank = Reading(representation, what, value=0.0, chance=self.chance, validation=0.0)
            found += read_draws(blank, parts, Share(share), settings)
        return found
