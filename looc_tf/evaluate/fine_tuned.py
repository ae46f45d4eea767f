"""Classification with few of the labels by a network that is fine-tuned on them, trunk and all.

The semi-supervised protocol with 1 % and 10 % of the labels (Hénaff et al., ICML 2020; Misra and van der Maaten, CVPR
2020; Chen et al., ICML 2020, table 7). It is `looc finetune` on the draws of `low_label`, so that the two can be
compared: the same pictures for every method, run and seed, and the recipe and the steps alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

import numpy as np

from looc_tf.config import Evaluation
from looc_tf.evaluate.features import UPRIGHT, Embed, Features, Progress, extract
from looc_tf.evaluate.few_labels import draw, over_draws
from looc_tf.evaluate.label_probe import LabelProbe
from looc_tf.evaluate.low_label import Share
from looc_tf.evaluate.probe_result import FIVE, Rows, among_best
from looc_tf.evaluate.questions import Pictures, Tune
from looc_tf.evaluate.readings import Reading
from looc_tf.representations import PROBABILITIES, TRUNK


class FineTuned(LabelProbe):
    """`fine_tuned@P%` for each of `evaluation.shares`: the mean over `evaluation.tunings` draws of the labels, of what
    the network names right after `evaluation.tuned_steps` steps on them. It is asked of the trunk alone, once.

    Nothing is chosen on the validation part: the last weights count.
    """

    alone = True
    _tune: Optional[Tune] = None
    _pictures: Pictures
    _progress: Optional[Progress] = None

    def prepare(self, pictures: Pictures, tune: Optional[Tune], progress: Optional[Progress]) -> None:
        self._pictures, self._tune, self._progress = pictures, tune, progress

    def asked_of(self, features: Features) -> tuple[str, ...]:
        return (TRUNK,)

    def lacks(self, features: Mapping[str, Features]) -> str:
        return super().lacks(features) or ("" if self._tune else "it trains on, which takes a run of one trunk")

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        labels = self.rows(features["train"], representation).labels
        found: list[Reading] = []
        shares = {f"{name}@{100 * share:g}%": Share(share) for share in settings.shares}
        for number, (what, share) in enumerate(shares.items()):
            draws = [draw(labels, share, each) for each in range(settings.tunings)]
            before, every = number * len(draws), len(shares) * len(draws)
            read = [
                self._read(features, some, each, settings, (before + each, every)) for each, some in enumerate(draws)
            ]
            counts = {"train": len(draws[0]), **{part: len(rows.labels) for part, rows in read[0].items()}}
            setting = {"steps": settings.tuned_steps, "draws": len(draws)}
            blank = Reading(representation, what, 0.0, self.chance, 0.0, setting=setting, rows=counts)
            found += over_draws(blank, *_hits(read, 1), labels, read[0]["test"].labels)
            if len(np.unique(labels)) > FIVE:
                found += over_draws(blank, *_hits(read, FIVE), labels, read[0]["test"].labels, FIVE)
        return found

    def _read(
        self, features: Mapping[str, Features], some: np.ndarray, seed: int, settings: Evaluation, done: tuple[int, int]
    ) -> dict[str, Rows]:
        """Probabilities and labels of the validation and of the test part, by the network that was tuned on a draw."""
        source, rows = self._pictures["train"]
        labelled = np.flatnonzero(features["train"].labels[self.field] >= 0)
        steps, (before, every) = settings.tuned_steps, done

        def told(step: int) -> None:
            if self._progress:
                self._progress("Fine-tuning", before * steps + step, every * steps)

        assert self._tune is not None
        embed = self._tune(source.take(rows[labelled[some]]), steps, seed, told)
        return {part: self._named(embed, part, settings.batch) for part in ("validation", "test")}

    def _named(self, embed: Embed, part: str, batch: int) -> Rows:
        source, rows = self._pictures[part]
        rows = rows[source.labels[self.field][rows] >= 0]
        outputs = extract(lambda images: {PROBABILITIES: embed(images)[PROBABILITIES]}, source, rows, (UPRIGHT,), batch)
        return Rows(outputs.copies[UPRIGHT][PROBABILITIES], outputs.labels[self.field])


def _hits(read: list[dict[str, Rows]], best: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Which test pictures are named right after each draw, and which validation pictures after the first."""

    def right(rows: Rows) -> np.ndarray:
        return among_best(rows.features, np.arange(rows.features.shape[1]), rows.labels, best)

    return [right(each["test"]) for each in read], right(read[0]["validation"])
