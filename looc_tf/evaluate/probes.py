"""The probes: which copies of a picture each one reads, against which labels, and with which reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from looc_tf.config import Evaluation
from looc_tf.data.pixels import PLAIN
from looc_tf.errors import unknown
from looc_tf.evaluate.class_shares import DrawsOn
from looc_tf.evaluate.corruptions import Corruptions
from looc_tf.evaluate.features import HUE_SHIFTS, TURNS, Features
from looc_tf.evaluate.few_shot import FewShot
from looc_tf.evaluate.fine_tuned import FineTuned
from looc_tf.evaluate.invariance import Invariance
from looc_tf.evaluate.knn import knn_probe
from looc_tf.evaluate.label_probe import LabelProbe
from looc_tf.evaluate.low_label import LowLabel
from looc_tf.evaluate.probe_result import Choice, Rows
from looc_tf.evaluate.questions import Probe, Question
from looc_tf.evaluate.retrieval import Retrieval
from looc_tf.evaluate.sgd_probe import SgdProbe
from looc_tf.evaluate.subsets import Subsets
from looc_tf.evaluate.top_five import TopFive
from looc_tf.registry import Registry
from looc_tf.representations import STAGES

if TYPE_CHECKING:
    from looc_tf.data import Source

SOME = 64  # pictures that are looked at for color
MAIN = "label"  # the field that folders and most sets have


class NeighborProbe(LabelProbe):
    """The same label, read by the votes of the nearest training pictures."""

    def read(self, train: Rows, validation: Rows, test: Rows, settings: Evaluation) -> Choice:
        return knn_probe(train, validation, test, settings.neighbors)


class RotationProbe(Probe):
    """Which of four quarter turns a picture has had; every picture of every part is shown all four ways (chance 25)."""

    copies = TURNS
    classes = 4

    def rows(self, features: Features, representation: str) -> Rows:
        turned = [features.of(copy, representation) for copy in self.copies]
        return Rows(np.concatenate(turned), np.repeat(np.arange(self.classes), len(turned[0])))


class HueShiftProbe(Probe):
    """Which of six hue shifts over the full circle a picture has had: one shift per picture, fixed by its id."""

    copies = ("hue_shift",)
    classes = HUE_SHIFTS

    def rows(self, features: Features, representation: str) -> Rows:
        return Rows(features.of("hue_shift", representation), features.labels["hue_shift"])


@dataclass(frozen=True)
class Labelled:
    """The probe of a label field where every part of the data has it; else `otherwise`, else none."""

    field: str
    otherwise: type[Probe] | None = None
    kind: type[LabelProbe] = LabelProbe

    def __call__(self, sources: Mapping[str, Source]) -> Probe | None:
        if all(self.field in source.fields for source in sources.values()):
            labels, names = sources["train"].labels[self.field], sources["train"].fields[self.field]
            return self.kind(self.field, len(names), len(np.unique(labels[labels >= 0])), tuple(names))
        return self.otherwise() if self.otherwise and _in_color(sources) else None

    @property
    def lacking(self) -> str:
        """Why there is no probe where there is none."""
        return "the pictures have no labels" if self.field == MAIN else "no such label"


def _retrieval(sources: Mapping[str, Source]) -> Question:
    """Of the labels that every part has; hue by generated shifts where it is no label."""
    named = {"object": MAIN, "hue": "hue", "texture": "texture"}
    fields = {
        what: field for what, field in named.items() if all(field in source.fields for source in sources.values())
    }
    return Retrieval(fields, shifted="hue" not in fields and _in_color(sources))


def _corruptions(sources: Mapping[str, Source]) -> Question | None:
    """Of the probe of the object, on pictures of three channels."""
    probe = PROBES["object"](sources)
    return Corruptions(probe) if isinstance(probe, LabelProbe) and _channels(sources) == 3 else None


def _in_color(sources: Mapping[str, Source]) -> bool:
    """Whether pictures have a hue: those of other bands than RGB have none, nor have grey ones."""
    if _channels(sources) != 3:
        return False
    source = sources["test"] if "test" in sources else sources["train"]
    if not hasattr(source, "fetch"):  # what only says which labels there are
        return True
    some = np.asarray(source.fetch(np.arange(min(len(source), SOME)))["image"])
    return bool((some != some[..., :1]).any())


def _channels(sources: Mapping[str, Source]) -> int:
    return getattr(sources["train"], "pixels", PLAIN).channels


# name -> sources -> the probe, or None where these sources cannot answer it. The order is that of tables.
PROBES: Registry[Callable[[Mapping[str, Source]], Question | None]] = Registry(
    "probe",
    "looc_tf.evaluate.probes.PROBES",
    {
        "object": Labelled(MAIN),
        "rotation": lambda sources: RotationProbe(),
        "hue": Labelled("hue", otherwise=HueShiftProbe),
        "texture": Labelled("texture"),
        "knn": Labelled(MAIN, kind=NeighborProbe),
        "few_shot": Labelled(MAIN, kind=FewShot),
        "low_label": Labelled(MAIN, kind=LowLabel),
        "fine_tuned": Labelled(MAIN, kind=FineTuned),
        "object_top5": Labelled(MAIN, kind=TopFive),
        "object_sgd": Labelled(MAIN, kind=SgdProbe),
        "subsets": Labelled(MAIN, kind=Subsets),
        "draws_on": Labelled(MAIN, kind=DrawsOn),
        "retrieval": _retrieval,
        "invariance": lambda sources: Invariance(color=_in_color(sources)),
        "corruptions": _corruptions,
    },
)
LINEAR_PROBES = ("object", "rotation", "hue", "texture")  # those that can go into an exported model


def check(settings: Evaluation) -> None:
    """Raises a `UserError` with the nearest name for a probe, or a stage, that there is not."""
    for name in settings.probes:
        if name not in PROBES:
            raise PROBES.missing(name)
    for stage in settings.stages:
        if stage not in STAGES:
            raise unknown("evaluation.stages", stage, STAGES)


def lacking(name: str, sources: Mapping[str, Source]) -> str:
    """Why a probe cannot be put to pictures for which the table has none."""
    if name == "hue" and _channels(sources) != 3:
        return f"pictures of {_channels(sources)} bands have no hue"
    if name == "hue" and not _in_color(sources):
        return "the pictures are grey"
    if name == "corruptions":
        bands = _channels(sources)
        return lacking("object", sources) if bands == 3 else f"they are made for RGB, and pictures have {bands} bands"
    choose = PROBES[name]
    return choose.lacking if isinstance(choose, Labelled) else "these pictures cannot answer it"
