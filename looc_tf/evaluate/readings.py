"""What an evaluation reads: named values with their levels, as records of `results.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Optional

from looc_tf.evaluate.probe_result import Fitted
from looc_tf.results import LEVELS, Provenance


@dataclass(frozen=True)
class Reading:
    """What one probe read from one representation; accuracies in percent, rounded to 4 decimals.

    Attributes:
        value: the accuracy on the test part; `validation`: of the chosen setting on the validation part.
        balanced: the mean over the classes of the test part, where each weighs alike however rare it is.
        chance: of guessing among the classes that training pictures have.
        majority: of always answering with the class that most training pictures have.
        half: half the width of the 95 % interval over the draws of the evaluation, where it draws; not over seeds.
    """

    representation: str
    probe: str
    value: float
    chance: float
    validation: float
    setting: Mapping[str, float] = field(default_factory=dict)  # chosen on the validation part
    rows: Mapping[str, int] = field(default_factory=dict)  # examples in each part
    fitted: Optional[Fitted] = field(default=None, repr=False, compare=False)  # the probe itself, if it is linear
    balanced: Optional[float] = None
    majority: Optional[float] = None
    half: Optional[float] = None

    def record(self, run: str, method: str, seed: int, provenance: Optional[Provenance] = None) -> dict[str, Any]:
        """The record of `evaluate`; with a provenance that of `results.json`, which has the levels beside it."""
        where = {"representation": self.representation, "probe": self.probe}
        record = {"run": run, "method": method, "seed": seed, **where, "value": self.value}
        if provenance is None:
            return record
        levels = {name: getattr(self, name) for name in LEVELS}
        drawn = {} if self.half is None else {"half": self.half}
        return {**record, **levels, **drawn, **asdict(provenance)}

    def as_dict(self) -> dict[str, Any]:
        """All of it but the probe itself, for the file that says how each value came about."""
        return {part.name: getattr(self, part.name) for part in fields(self) if part.name != "fitted"}
