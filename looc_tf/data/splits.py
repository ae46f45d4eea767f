"""Train, validation and test: declared by the origin, or cut by a hash of the id that never changes."""

from __future__ import annotations

import hashlib

import numpy as np

from looc_tf.data.table import Table
from looc_tf.errors import UserError, unknown

SPLITS = ("train", "validation", "test")
POOL = "pool"  # training pictures that carry no split and no label, such as those of `unlabeled/`
ALIASES = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip


def canonical(split: str) -> str:
    """`"val"` -> `"validation"`; raises `UserError` for anything that names no split."""
    if split.lower() not in ALIASES:
        raise unknown("split", split, SPLITS)
    return ALIASES[split.lower()]


def stable_hash(ids: np.ndarray, salt: str = "") -> np.ndarray:
    """[N] uint64 numbers that depend on the ids alone: not on order, machine, process or Python version."""
    digests = (hashlib.blake2b((salt + name).encode(), digest_size=8).digest() for name in ids)
    return np.fromiter((int.from_bytes(digest, "little") for digest in digests), np.uint64, len(ids))


def _carve(splits: np.ndarray, rows: np.ndarray, ids: np.ndarray, part: str, tenth: int) -> None:
    """Moves the tenth of `rows` whose hash ends in `tenth` to `part`; at least one row of three or more."""
    hashes = stable_hash(ids[rows])
    chosen = hashes % np.uint64(10) == tenth
    if not chosen.any() and len(rows) > 2:
        chosen[np.argsort(hashes, kind="stable")[tenth]] = True
    splits[rows[chosen]] = part


def _reach_all(splits: np.ndarray, rows: np.ndarray, ids: np.ndarray, labels: np.ndarray) -> None:
    """Gives each part that has none of a class one of its `rows`, by the hash, where the class has three or more."""
    for label in np.unique(labels[rows]):
        own = rows[labels[rows] == label]
        own = own[np.argsort(stable_hash(ids[own]), kind="stable")]
        for part in ("test", "validation", "train"):
            if len(own) > 2 and not (splits[own] == part).any():
                names, counts = np.unique(splits[own], return_counts=True)
                splits[own[splits[own] == names[counts.argmax()]][0]] = part


def assign(table: Table) -> np.ndarray:
    """[N] split of every row; "dropped" for test pictures whose labels are withheld, where there are labels.

    - Nothing declared, or a single split: 80/10/10 by the hash of the id, and so that each class of three or more
      pictures is in each part.
    - Train and test: a tenth of train, by the hash, becomes validation.
    - Train and validation but no (labelled) test, as ImageNet is usually laid out: the validation part is the one that
      results are reported on, so it is the test part here, and a tenth of train becomes validation.
    - What carries no split beside parts that are declared ("pool", or "") is trained on.

    By rules 1 a class may miss a part, and what carries no split beside parts that are declared is in none.
    """
    splits = np.array(table.splits, "<U10")
    if table.assigned:
        return splits
    _drop_unlabelled_test(table, splits)
    declared = set(splits) - {"", POOL, "dropped"}
    if len(declared) <= 1:
        rows = np.flatnonzero(np.isin(splits, [*declared, ""]))
        rows = rows if len(rows) else np.flatnonzero(splits == POOL)
        splits[rows] = "train"
        _carve(splits, rows, table.ids, "test", 0)
        _carve(splits, rows[splits[rows] == "train"], table.ids, "validation", 1)
        if table.fields and table.rules > 1:
            _reach_all(splits, rows, table.ids, table.labels["label"])
    elif "test" not in declared:
        splits[splits == "validation"] = "test"
        _carve(splits, np.flatnonzero(splits == "train"), table.ids, "validation", 1)
    elif "validation" not in declared:
        _carve(splits, np.flatnonzero(splits == "train"), table.ids, "validation", 1)
    if table.rules > 1:
        splits[np.isin(splits, ["", POOL])] = "train"
    return splits


def select(table: Table, split: str, name: str, limit: int | None = None, splits: np.ndarray | None = None) -> Table:
    """The rows of one split; of more than `limit` a sample by a hash of their ids, the same wherever it is drawn.

    `splits` is what `assign` says, where it was asked before.

    Raises:
        UserError: the split is empty; `name` is what the table is called there.
    """
    rows = np.flatnonzero((assign(table) if splits is None else splits) == split)
    if not len(rows):
        whole = f"{name!r}, which holds {len(table)} in all"
        raise UserError(f"Expected pictures in the {split} part of {whole}. Add pictures to it.")
    if limit is not None and limit < len(rows):
        rows = rows[sample(table.ids[rows], limit)]
    return table.take(rows)


def _drop_unlabelled_test(table: Table, splits: np.ndarray) -> None:
    """A test part whose labels are withheld (ImageNet's) can measure nothing."""
    test = splits == "test"
    if table.fields and test.any() and (table.labels["label"][test] < 0).all():
        splits[test] = "dropped"


def sample(ids: np.ndarray, count: int) -> np.ndarray:
    """Rows, in order, of the `count` ids with the smallest hash: a sample that is the same wherever it is drawn."""
    return np.sort(np.argsort(stable_hash(ids, "limit:"), kind="stable")[:count])
