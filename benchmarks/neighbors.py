"""Compare the search of nearest neighbors with scikit-learn's exact search on the same features, in turn."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from benchmarks.figures import Figure, parser, report
from looc_tf.evaluate.knn import nearest_rows

CLUSTERS = 100


def options() -> argparse.Namespace:
    """The command line."""
    arguments = parser(__doc__, rounds=3)
    arguments.add_argument("--gallery", type=int, default=50_000, help="features that are searched")
    arguments.add_argument("--queries", type=int, default=10_000)
    arguments.add_argument("--dimension", type=int, default=512)
    arguments.add_argument("--neighbors", type=int, default=200)
    return arguments.parse_args()


def features(given: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Gallery and queries in clusters."""
    draw = np.random.default_rng(0)
    centers = draw.normal(size=(CLUSTERS, given.dimension)).astype(np.float32)

    def around(count: int) -> np.ndarray:
        noise = draw.normal(size=(count, given.dimension)).astype(np.float32)
        return centers[draw.integers(CLUSTERS, size=count)] + noise

    return around(given.gallery), around(given.queries)


def seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    """How long a call takes, and what it gives."""
    began = time.perf_counter()
    result = function()
    return time.perf_counter() - began, result


def main() -> None:
    given = options()
    gallery, queries = features(given)
    index = NearestNeighbors(n_neighbors=given.neighbors, algorithm="brute").fit(normalize(gallery))
    nearest_rows(gallery, queries[:10], given.neighbors)  # traces it
    ours, theirs, same = [], [], []
    for _ in range(given.rounds):
        took, (_, rows) = seconds(lambda: nearest_rows(gallery, queries, given.neighbors))
        ours.append(took)
        took, (_, exact) = seconds(lambda: index.kneighbors(normalize(queries)))
        theirs.append(took)
        same.append(100.0 * float(np.mean([np.isin(one, other).mean() for one, other in zip(rows, exact)])))
    about = f"{given.queries:,} in {given.gallery:,} x {given.dimension}"
    report(
        [
            Figure(f"Neighbors of {about}", tuple(ours), "s"),
            Figure("the same of scikit-learn", tuple(theirs), "s"),
            Figure("scikit-learn's time / ours", tuple(b / a for a, b in zip(ours, theirs)), at_least=2.0),
            Figure("neighbors in common", tuple(same), "%", at_least=99.99),
        ],
        given.json,
    )


if __name__ == "__main__":
    main()
