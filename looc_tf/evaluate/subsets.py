"""The object probe on every subset of the spaces side by side: which of them a task wants (Xiao et al., ICLR 2021,
table 5, where they are the branches of LooC++)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from looc_tf.config import Evaluation
from looc_tf.evaluate.features import Features
from looc_tf.evaluate.label_probe import LabelProbe
from looc_tf.evaluate.readings import Reading
from looc_tf.representations import beside

MOST = 5  # spaces: 31 subsets, and twice as many with every further one


class Subsets(LabelProbe):
    """One reading for each subset, of a representation that is called by the names joined by "+", such as `all+color`.

    Where each space owns its last stage, the subsets of these branches are read as well.
    """

    def asked_of(self, features: Features) -> tuple[str, ...]:
        return tuple(beside(names) for family in features.families for names in subsets(family))

    def lacks(self, features: Mapping[str, Features]) -> str:
        count = len(features["train"].families[0])
        if count < 2:
            return "it needs two spaces"
        many = f"{count} spaces have {2**count - 1:,} subsets, and those of {MOST} at most are read"
        return many if count > MOST else super().lacks(features)

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        # Without the classifier: no model has an output of that name which it could be put to.
        return [replace(read, fitted=None) for read in super().readings(name, features, representation, settings)]


def subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every choice of one name or more, the smallest first.

    >>> subsets(["all", "color"])
    [('all',), ('color',), ('all', 'color')]
    """
    return [some for size in range(1, len(names) + 1) for some in combinations(names, size)]
