"""Nearest neighbors of a few queries under several representations: what each one takes for similar."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from looc_tf.report.visible import visible


@dataclass(frozen=True)
class Neighbors:
    """One query and, under each representation, its neighbors in order; pictures are uint8 [S, S, 3].

    `name` is the query's class, "" where it has none.
    """

    query: np.ndarray
    found: Mapping[str, Sequence[np.ndarray]]
    name: str = ""


def nearest(
    images: np.ndarray,
    embeddings: Mapping[str, np.ndarray],
    queries: Sequence[int],
    count: int = 6,
    names: Sequence[str] | None = None,
) -> list[Neighbors]:
    """The `count` pictures most like each query by cosine, the query itself left out.

    Args:
        images: uint8 [N, S, S, 3].
        embeddings: representation -> float32 [N, D].
        queries: rows of `images`.
        count: neighbors of each query; fewer where there are fewer pictures.
        names: of the class of each picture.
    """
    count = min(count, len(images) - 1)
    places = {}
    for name, vectors in embeddings.items():
        index = NearestNeighbors(n_neighbors=count + 1, metric="cosine").fit(vectors)
        rows = index.kneighbors(vectors[list(queries)], return_distance=False)
        places[name] = [[n for n in row if n != query][:count] for row, query in zip(rows, queries)]
    return [
        Neighbors(
            images[query],
            {name: [images[n] for n in rows[i]] for name, rows in places.items()},
            names[query] if names else "",
        )
        for i, query in enumerate(queries)
    ]


def spread_queries(labels: np.ndarray, count: int, seed: int = 0) -> list[int]:
    """`count` rows, of different labels as far as there are any, always the same for a seed."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(labels))
    _, first = np.unique(labels[order], return_index=True)
    distinct = draw.permutation(order[first])
    rest = [row for row in order if row not in set(distinct)]
    return [int(row) for row in [*distinct, *rest][:count]]


def data_uri(image: np.ndarray) -> str:
    """A picture uint8 [H, W, C] as a `data:` address, so that a page needs no other file."""
    buffer = io.BytesIO()
    Image.fromarray(visible(image)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
