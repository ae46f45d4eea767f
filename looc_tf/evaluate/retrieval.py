"""Retrieval: which factors the nearest neighbors of a picture share with it (Xiao et al. 2021, figure 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from looc_tf.config import Evaluation
from looc_tf.evaluate.features import TURNS, UPRIGHT, Features
from looc_tf.evaluate.knn import nearest_rows
from looc_tf.evaluate.probe_result import Rows
from looc_tf.evaluate.questions import Question
from looc_tf.evaluate.readings import Reading

SHIFTED = "hue_shift"


class Asked(NamedTuple):
    """The pictures that are searched, and those whose neighbors are looked at."""

    gallery: Rows
    queries: Rows


class Retrieval(Question):
    """The share of a test picture's nearest training pictures, by cosine, that have its label, its hue, its turn.

    Searched are the training pictures as they are; for the generated hue shifts each in its own shift, and for rotation
    each in all four turns, of which a hash of its id gives the query one. A query is a test picture: no picture is
    found by itself, and a picture that rotation does not move stands for all four turns alike, which is chance.

    Args:
        fields: what a value is called -> the label field of the source.
        shifted: whether hue is that of the generated shifts, in the place of a label.
    """

    def __init__(self, fields: Mapping[str, str], shifted: bool) -> None:
        self.fields, self.shifted = dict(fields), shifted
        self.copies = (*TURNS, *([SHIFTED] if shifted else []))

    def readings(
        self, name: str, features: Mapping[str, Features], representation: str, settings: Evaluation
    ) -> list[Reading]:
        asked = self._asked(features["train"], features["test"], representation)
        return [
            _reading(f"{name}@{what}", representation, *rows, settings.retrieved)
            for what, rows in asked.items()
            if all(len(part.labels) for part in rows)
        ]

    def _asked(self, train: Features, test: Features, representation: str) -> dict[str, Asked]:
        parts = train, test
        asked = {}
        for what, field in self.fields.items():
            asked[what] = Asked(*(_of(part, UPRIGHT, representation, field) for part in parts))
        if self.shifted:
            asked["hue"] = Asked(*(_of(part, SHIFTED, representation, SHIFTED) for part in parts))
        asked["rotation"] = Asked(_all_turns(train, representation), _one_turn(test, representation))
        return asked


def _of(features: Features, copy: str, representation: str, field: str) -> Rows:
    return Rows(features.of(copy, representation), features.labels[field]).labelled()


def _all_turns(features: Features, representation: str) -> Rows:
    turned = [features.of(copy, representation) for copy in TURNS]
    return Rows(np.concatenate(turned), np.repeat(np.arange(len(TURNS)), len(turned[0])))


def _one_turn(features: Features, representation: str) -> Rows:
    turns = features.labels["turn"]
    rows = np.empty_like(features.of(UPRIGHT, representation))
    for turn, copy in enumerate(TURNS):
        rows[turns == turn] = features.of(copy, representation)[turns == turn]
    return Rows(rows, turns)


def _reading(name: str, representation: str, gallery: Rows, queries: Rows, count: int) -> Reading:
    """Its level of chance is that of neighbors drawn blindly from the gallery."""
    _, rows = nearest_rows(gallery.features, queries.features, count)
    shares = np.bincount(gallery.labels, minlength=int(queries.labels.max()) + 1) / len(gallery.labels)
    return Reading(
        representation,
        name,
        value=round(100.0 * float(np.mean(gallery.labels[rows] == queries.labels[:, None])), 4),
        chance=round(100.0 * float(np.mean(shares[queries.labels])), 4),
        validation=float("nan"),  # nothing is chosen
        setting={"neighbors": rows.shape[1]},
        rows={"train": len(gallery.labels), "test": len(queries.labels)},
    )
