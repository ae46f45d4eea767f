"""Few-shot classification over all classes: the linear probe on K labelled pictures of each.

Xiao et al., ICLR 2021, table 2 (Flowers-102, 5 and 10 shots). There the classifier is trained by Adam; here it is the
convex probe of the other evaluations, which has no learning rate and no number of steps to choose.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from looc_tf.config import Evaluation
from looc_tf.errors import printable
from looc_tf.evaluate.features import Features
from looc_tf.evaluate.few_labels import read_draws
from looc_tf.evaluate.label_probe import LabelProbe
from looc_tf.evaluate.questions import PARTS
from looc_tf.evaluate.readings import Reading

NAMED = 5  # classes in a note


class FewShot(LabelProbe):
    """`few_shot@K` for each K of `evaluation.shots`: the mean over `evaluation.draws` draws of K pictures a class."""

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        parts = {part: self.rows(features[part], representation) for part in PARTS}
        found: list[Reading] = []
        for shots in dict.fromkeys(settings.shots):
            blank = Reading(representation, f"{name}@{shots}", value=0.0, chance=self.chance, validation=0.0)
            found += read_draws(blank, parts, functools.partial(min, shots), settings)
        return found

    def notes(self, name: str, features: Mapping[str, Features], settings: Evaluation) -> list[str]:
        """Which classes have fewer pictures than are to be drawn."""
        classes, counts = np.unique(self.labels(features["train"]), return_counts=True)
        wanted = max(settings.shots)
        short = np.flatnonzero(counts < wanted)
        if not len(short):
            return []
        shown = [f"{printable(self.name_of(classes[each]), 40)}: {counts[each]}" for each in short[:NAMED]]
        more = ", ..." if len(short) > NAMED else ""
        return [
            f"{name}: {len(short):,} of {len(classes):,} classes have fewer than {wanted} labelled training pictures; "
            f"all that there are of them are taken ({', '.join(shown)}{more})"
        ]
