"""Whether the right class is among the first five answers of the linear probe (Xiao et al., ICLR 2021, tables 1, 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from looc_tf.config import Evaluation
from looc_tf.evaluate.features import Features
from looc_tf.evaluate.label_probe import LabelProbe
from looc_tf.evaluate.probe_result import FIVE, among_best, majority_share, mean_over_classes
from looc_tf.evaluate.questions import PARTS
from looc_tf.evaluate.readings import Reading


class TopFive(LabelProbe):
    """A second reading of the fit that the probe of the same labels has made: it costs no other.

    The penalty is the one that the first answers on the validation part have chosen.
    """

    @property
    def chance(self) -> float:
        return round(min(100.0, 100.0 * FIVE / self.guesses), 4)

    def lacks(self, features: Mapping[str, Features]) -> str:
        few = len(np.unique(self.labels(features["train"]))) <= FIVE
        return super().lacks(features) or (f"it needs more than {FIVE} classes" if few else "")

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        (reading,) = super().readings(name, features, representation, settings)
        fitted = reading.fitted
        assert fitted is not None
        rows = {part: self.rows(features[part], representation) for part in PARTS}
        test = rows["test"].labels
        held_out, hits = (
            among_best(fitted.scores(rows[part].features), fitted.classes, rows[part].labels, FIVE)
            for part in ("validation", "test")
        )
        found = replace(
            reading,
            value=round(100.0 * float(hits.mean()), 4),
            validation=round(100.0 * float(held_out.mean()), 4),
            balanced=round(mean_over_classes(hits, test), 4),
            majority=round(majority_share(rows["train"].labels, test, FIVE), 4),
            fitted=None,  # it says which class comes first, which is another question
        )
        return [found]
