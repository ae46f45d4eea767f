"""What a linear probe reads that is given few labels: the mean over repeated draws of them, and its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Optional

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from looc_tf.config import Evaluation
from looc_tf.evaluate.linear import ITERATIONS, fit_chosen, scores_of
from looc_tf.evaluate.probe_result import FIVE, Rows, among_best, majority_share, mean_over_classes
from looc_tf.evaluate.questions import CHOICE_SEED
from looc_tf.evaluate.readings import Reading
from looc_tf.results import Estimate


def draw(labels: np.ndarray, count: Callable[[int], int], number: int) -> np.ndarray:
    """The rows of draw `number`: of each class as many as `count` says of its size, fewer where it has fewer.

    A draw of fewer rows is the beginning of one of more, so that these are compared on what they have in common.
    """
    random = np.random.default_rng([CHOICE_SEED, number])
    classes = [random.permutation(np.flatnonzero(labels == name)) for name in np.unique(labels)]
    return np.sort(np.concatenate([rows[: count(len(rows))] for rows in classes]))


def read_draws(
    blank: Reading, parts: Mapping[str, Rows], count: Callable[[int], int], settings: Evaluation
) -> list[Reading]:
    """Fits the linear probe on each draw and tests it on the whole test part; top-5 as well where that is not all.

    Features are standardised with mean and deviation of the whole training part, which takes no labels: those of ten
    pictures would be noise. The penalty is chosen once, on the validation part for the first draw, and kept for all.

    Args:
        blank: with the name and the representation; the share of right answers among the first five is another one,
            `name top-5`.
        parts: labelled rows of "train", "validation" and "test".
        count: how many pictures to draw of a class, from its size.
        settings: how many draws, and the penalties to choose from.
    """
    draws = [draw(parts["train"].labels, count, number) for number in range(settings.draws)]
    scaler = StandardScaler().fit(parts["train"].features)
    rows = {part: Rows(scaler.transform(features), labels) for part, (features, labels) in parts.items()}
    given = [Rows(rows["train"].features[few], rows["train"].labels[few]) for few in draws]
    chosen, _ = fit_chosen(given[0], rows["validation"], settings.strengths)
    fits = [LogisticRegression(max_iter=ITERATIONS, C=chosen.C).fit(*few) for few in given]
    counts = {"train": len(draws[0]), **{part: len(rows[part].labels) for part in ("validation", "test")}}
    blank = replace(blank, setting={"strength": chosen.C, "draws": len(draws)}, rows=counts)
    found: list[Reading] = []
    for best in (1, FIVE) if len(chosen.classes_) > FIVE else (1,):
        hits, held_out = [_hits(model, rows["test"], best) for model in fits], _hits(chosen, rows["validation"], best)
        found += over_draws(blank, hits, held_out, rows["train"].labels, rows["test"].labels, best)
    return found


def over_draws(
    blank: Reading,
    hits: Sequence[np.ndarray],
    held_out: np.ndarray,
    train: np.ndarray,
    labels: np.ndarray,
    best: int = 1,
) -> list[Reading]:
    """How often the right class is among the `best` first answers: the mean over draws, with its interval.

    Args:
        blank: with the name, the representation and the chance of the first answer.
        hits: of each draw, for each test picture whether it is right, bool [N].
        held_out: the same of validation pictures, once.
        train, labels: of the training pictures, and of the test pictures.
        best: how many answers count; of several the name says so.
    """
    values = [100.0 * float(each.mean()) for each in hits]
    if best > 1:
        blank = replace(blank, probe=f"{blank.probe} top-{best}", chance=min(100.0, round(best * blank.chance, 4)))
    found = replace(
        blank,
        value=round(float(np.mean(values)), 4),
        half=_half(values),
        validation=round(100.0 * float(held_out.mean()), 4),
        balanced=round(float(np.mean([mean_over_classes(each, labels) for each in hits])), 4),
        majority=round(majority_share(train, labels, best), 4),
    )
    return [found]


def _hits(model: LogisticRegression, rows: Rows, best: int) -> np.ndarray:
    return among_best(scores_of(model, rows.features), model.classes_, rows.labels, best)


def _half(values: list[float]) -> Optional[float]:
    half = Estimate.of(values).half
    return round(half, 4) if math.isfinite(half) else None
