"""What a demo is asked for: which method, on which pictures, for how long; and the two configs that this means."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Optional

from looc_tf import methods
from looc_tf.config import Experiment
from looc_tf.distribute import threads
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.files import typed

SPACES, PLAIN = "factors/looc", "factors/moco"  # leave-one-out over a method, and the method alone
# A look: an eighth of the steps, and probes of fewer pictures.
QUICK = (
    "training.steps=150",
    "evaluation.limit=1000",
    "evaluation.strengths=[0.1]",
    "evaluation.neighbors=[20]",
    "training.monitor_every=0",
)


@dataclass(frozen=True)
class Asked:
    """The options of a demo.

    Attributes:
        quick: whether it is a look, of an eighth of the steps.
        data: pictures in the place of the generated ones.
        labels: a CSV file of their labels.
        method: over which leave-one-out is shown.
        overrides: texts `dotted.field=value`, laid over both configs.
    """

    quick: bool = False
    data: Optional[str] = None
    labels: Optional[str] = None
    method: str = "looc"
    overrides: tuple[str, ...] = ()

    def experiments(self) -> dict[str, Experiment]:
        """Label -> experiment: the method over the spaces of LooC's config, and alone for as many encoder forwards.

        Raises:
            UserError: the method is unknown or has no spaces, or what `load` raises.
        """
        labels = ("looc", "moco") if self.method == "looc" else (f"{self.method}-looc", self.method)
        several, plain = (self._one(name, label) for name, label in zip((SPACES, PLAIN), labels))
        times = methods.forwards(several) / methods.forwards(plain)
        length = several.training
        steps = None if length.steps is None else round(length.steps * times)
        epochs = None if length.epochs is None else length.epochs * times
        training = dataclasses.replace(plain.training, steps=steps, epochs=epochs)
        return dict(zip(labels, (several, dataclasses.replace(plain, training=training))))

    def _one(self, config_name: str, label: str) -> Experiment:
        changes = (*(QUICK if self.quick else ()), f"name=factors/{label}", *self.overrides)
        experiment = load(config_name, changes, data=self.data, labels=self.labels, method=self.method)
        if not methods.heads_of(experiment):
            able = [name for name in methods.METHODS if methods.has_spaces(name)]
            raise UserError(
                f"The demo shows leave-one-out over a method beside the method alone. {self.method!r} has no spaces: "
                f"expected one of {', '.join(able)}."
            )
        return experiment

    def options(self) -> str:
        """What to type behind `looc demo --out OUT` to ask for the same."""
        given = {"--data": self.data, "--labels": self.labels, "--method": self.method if self.method != "looc" else ""}
        said = [f"{option} {typed(value)}" for option, value in given.items() if value]
        said += [f"--set {typed(text)}" for text in self.overrides]
        said += [f"--threads {threads()}"] if threads() else []
        return "".join(f" {each}" for each in (["--quick"] if self.quick else []) + said)
