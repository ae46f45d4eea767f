"""Some test pictures, and the nearest of the others to each of them: what one looks at to see what a space keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.preprocessing import normalize

from looc_tf.evaluate.features import TURNED, UPRIGHT, Embed, extract
from looc_tf.evaluate.protocol import some_pictures
from looc_tf.evaluate.questions import CHOICE_SEED

if TYPE_CHECKING:
    from looc_tf.data import Source

COPIES = (UPRIGHT, TURNED)  # as they are, and each in a quarter turn of its own, so that a neighbor can share a turn


@dataclass(frozen=True)
class Neighborhood:
    """What one encoder takes for similar among some pictures.

    Attributes:
        labels: field -> the class of each picture, int64 [N], -1 where it has none; `turn` is how many quarter turns
            against the clock the copy `turned` of it has had.
        nearest: copy -> representation -> int64 [N, K]: of each picture the nearest others, by their row in [0, N).
    """

    labels: Mapping[str, np.ndarray]
    nearest: Mapping[str, Mapping[str, np.ndarray]]


def neighborhood(embed: Embed, source: Source, rows: np.ndarray, count: int, batch: int = 256) -> Neighborhood:
    """The `count` nearest of each picture by cosine under every representation, among copies of one kind.

    Args:
        embed: as for `evaluate`.
        source: of the pictures.
        rows: which of them, see `gallery_rows`.
        count: neighbors of each; fewer where there are fewer pictures.
        batch: pictures that are embedded at a time.
    """
    features = extract(embed, source, rows, COPIES, batch)
    nearest = {}
    for copy in COPIES:
        found: dict[str, np.ndarray] = {}
        for name in features.representations:
            same = features.same(name)  # a single space is all spaces side by side: it stands once
            found.setdefault(same, nearest_others(features.of(copy, same), count))
        nearest[copy] = found
    return Neighborhood(features.labels, nearest)


def gallery_rows(source: Source, count: int) -> np.ndarray:
    """Which `count` pictures of a source to look at, always the same; the first ones are of different labels."""
    rows = some_pictures(source, count)
    labels = getattr(source, "labels", {}).get("label")  # a source of somebody's own may not tell them
    return rows if labels is None else rows[spread(labels[rows])]


def spread(labels: np.ndarray) -> np.ndarray:
    """An order of all rows, drawn once for all: at first one of each label, then the rest."""
    draw = np.random.default_rng(CHOICE_SEED)
    order = draw.permutation(len(labels))
    _, first = np.unique(labels[order], return_index=True)
    distinct = draw.permutation(order[first])
    return np.concatenate([distinct, order[~np.isin(order, distinct)]]).astype(np.int64)


def nearest_others(vectors: np.ndarray, count: int) -> np.ndarray:
    """The rows of the `count` nearest others of each row by cosine, nearest first: int64 [N, at most N - 1]."""
    unit = normalize(vectors)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, : min(count, len(vectors) - 1)]
