"""The explorer of a page: any of some test pictures, and side by side what each representation takes for similar.

Every picture stands once in the page, on a sheet of thumbnails; neighbors are numbers.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from looc_tf.data import Source
from looc_tf.evaluate.features import TURNED, UPRIGHT
from looc_tf.evaluate.gallery import Neighborhood, gallery_rows, neighborhood
from looc_tf.report.frame import picture_uri
from looc_tf.report.tables import Table
from looc_tf.report.visible import visible
from looc_tf.representations import TRUNK, is_space
from looc_tf.run import Run

NEIGHBORS, PICTURES = 8, 1000  # shown of each picture, and searched
NUMBERS = 250_000  # neighbors in a page at most: of many representations fewer pictures are searched
SIDE = 48  # of a thumbnail, in pixels
QUALITIES = (85, 70, 50, 25)  # of the sheet, a JPEG without subsampled colors: the first that is small enough
LARGEST = 1_200_000  # bytes of it
BATCH = 256
MAIN, ROTATION = "label", "rotation"
DEGREES = ("0°", "90°", "180°", "270°")


@dataclass(frozen=True)
class Field:
    """Something that pictures may share: its name, the names of its classes and the class of each picture, -1 none.

    `turned` is what only the turned copies of pictures have.
    """

    name: str
    classes: Sequence[str]
    of: np.ndarray
    turned: bool = False

    def share(self, nearest: np.ndarray) -> float:
        """The percentage of neighbors [N, K] that share it with their picture, of pictures that have it."""
        own = self.of >= 0
        return 100.0 * float(np.mean(self.of[nearest[own]] == self.of[own, None]))

    @property
    def chance(self) -> float:
        """That of neighbors drawn blindly."""
        counts = np.bincount(self.of[self.of >= 0])
        return 100.0 * float((counts * (counts - 1)).sum() / (counts.sum() * (len(self.of) - 1)))


@dataclass(frozen=True)
class Explorer:
    """What a page needs to show neighbors.

    Attributes:
        sheet: the address of all thumbnails, `columns` in a row.
        data: what the script reads: fields, representations and, for each, the neighbors of each picture in one row of
            numbers, as they are and turned.
        shown: the representations that are shown at first.
        shares: how many of all neighbors share a label with their picture.
    """

    sheet: str
    columns: int
    data: Mapping[str, Any]
    shown: Sequence[str]
    shares: Table

    @property
    def fields(self) -> list[Mapping[str, Any]]:
        """Those of pictures as they are."""
        return [field for field in self.data["fields"] if not field["turned"]]

    def first(self, queries: int, count: int) -> list[tuple[int, dict[str, list[int]]]]:
        """The first pictures and, under each representation that is shown, the nearest of each: without a script."""
        step, found = self.data["neighbors"], self.data["representations"]
        rows = {one["name"]: one["nearest"][0] for one in found if one["name"] in self.shown}
        return [
            (query, {name: row[query * step :][: min(count, step)] for name, row in rows.items()})
            for query in range(min(queries, self.data["count"]))
        ]


def explorer(runs: Mapping[str, Run], source: Source) -> Explorer | None:
    """The explorer of some runs over pictures of a source; None where there are not two of them.

    Args:
        runs: label -> run; of the first all spaces are shown at first, of the others the trunk.
        source: the test part.
    """
    if len(source) < 2:
        return None
    rows = gallery_rows(source, min(PICTURES, max(2, NUMBERS // (2 * NEIGHBORS * _representations(runs, source)))))
    found = {label: neighborhood(run.embedder.images, source, rows, NEIGHBORS, BATCH) for label, run in runs.items()}
    first = next(iter(found.values()))
    fields = fields_of(source, first)
    names = [(label, name) for label, its in found.items() for name in its.nearest[UPRIGHT]]
    shown = [f"{label}: {name}" for label, name in names if name == TRUNK or (label in [*runs][:1] and is_space(name))]
    nearest = {
        f"{label}: {name}": [found[label].nearest[copy][name] for copy in (UPRIGHT, TURNED)] for label, name in names
    }
    columns = math.ceil(math.sqrt(len(rows)))
    sheet = picture_uri(sheet_of(source, rows, columns), "jpeg")
    return Explorer(sheet, columns, _data(fields, nearest, shown, len(rows)), shown, _shares(fields, nearest))


def _representations(runs: Mapping[str, Run], source: Source) -> int:
    """How many there are of all runs, that of all spaces side by side included."""
    one = source.fetch(tf.constant([0], tf.int64))["image"]
    return sum(len(run.embedder.images(one)) + 1 for run in runs.values())


def fields_of(source: Source, found: Neighborhood) -> list[Field]:
    """What the pictures of a source may share: its labels, and the turn of their turned copies."""
    fields = [
        Field("object" if name == MAIN else name, classes, found.labels[name])
        for name, classes in source.fields.items()
        if (found.labels[name] >= 0).any()
    ]
    return [*fields, Field(ROTATION, DEGREES, found.labels["turn"], turned=True)]


def sheet_of(source: Source, rows: np.ndarray, columns: int) -> bytes:
    """The thumbnails of some pictures as one JPEG, row by row; sides are whole blocks of it, so that none bleeds."""
    side = max(8, min(SIDE, source.size) // 8 * 8)
    sheet = Image.new("RGB", (columns * side, math.ceil(len(rows) / columns) * side))
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        for place, image in enumerate(source.fetch(tf.constant(some, tf.int64))["image"].numpy(), start=start):
            small = Image.fromarray(visible(image)).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(small, (place % columns * side, place // columns * side))
    return _packed(sheet)


def _packed(sheet: Image.Image) -> bytes:
    for quality in QUALITIES:
        content = io.BytesIO()
        sheet.save(content, "JPEG", quality=quality, subsampling=0)
        if content.tell() <= LARGEST:
            break
    return content.getvalue()


def _data(
    fields: Sequence[Field], nearest: Mapping[str, Sequence[np.ndarray]], shown: Sequence[str], count: int
) -> dict[str, Any]:
    return {
        "count": count,
        "neighbors": next(iter(nearest.values()))[0].shape[1],
        "fields": [
            {"name": one.name, "classes": list(one.classes), "of": one.of.tolist(), "turned": one.turned}
            for one in fields
        ],
        "representations": [
            {"name": name, "shown": name in shown, "nearest": [rows.ravel().tolist() for rows in copies]}
            for name, copies in nearest.items()
        ],
    }


def _shares(fields: Sequence[Field], nearest: Mapping[str, Sequence[np.ndarray]]) -> Table:
    """A row for each representation, a column for each field; chance below."""
    values = np.array([[one.share(copies[one.turned]) for one in fields] for copies in nearest.values()])
    rows = [[name, *(f"{value:.1f}" for value in row)] for name, row in zip(nearest, values)]
    best = {(int(y), x) for x in range(len(fields)) for y in np.flatnonzero(values[:, x] == values[:, x].max())}
    foot = [["chance", *(f"{one.chance:.1f}" for one in fields)]]
    some, count = next(iter(nearest.values()))[0].shape[::-1]
    about = f"percent of the {some} nearest, over all {count:,} pictures; rotation of turned ones"
    heads = ["representation", *(one.name for one in fields)]
    return Table(
        "What neighbors share", heads, 1, rows, {(y, x + 1) for y, x in best} if len(rows) > 1 else (), foot, about
    )
