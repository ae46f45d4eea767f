"""What goes into a probe and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Examples of one part of the data: `features` float32 [N, D], `labels` int64 [N]."""

    features: np.ndarray
    labels: np.ndarray

    def labelled(self) -> Rows:
        """Only the rows whose label is known (unknown ones are -1)."""
        known = self.labels >= 0
        return self if known.all() else Rows(self.features[known], self.labels[known])


class Choice(NamedTuple):
    """A probe's accuracy in percent on the test part and on the validation part, which chose the setting."""

    value: float
    validation: float
    setting: Mapping[str, float]
