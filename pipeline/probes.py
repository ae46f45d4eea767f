"""The probes as examples ask them: which feature holds the right answer, and which copy of the picture is shown.

`looc_tf.evaluate` shows a probe every copy of a picture. An example of the pipeline is shown one copy, which a hash of
its id has drawn and whose number it carries. All that the pipeline knows of the kinds of probes is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from looc_tf.data import Source
from looc_tf.data.splits import stable_hash
from looc_tf.evaluate.features import UPRIGHT, hue_shift_of, shift_hue
from looc_tf.evaluate.probes import PROBES, HueShiftProbe, LabelProbe, RotationProbe
from looc_tf.evaluate.questions import Probe

LABELS = ("label", "hue", "texture")  # features of an example that hold classes, where a data set has them
LABELLED = "labelled"  # the feature that is 0 where the label of a picture is unknown


@dataclass(frozen=True)
class Copy:
    """A kind of copy of a picture, such as a turned one; which one was shown is the right answer.

    Attributes:
        draw: id -> the number of the copy that the example with this id is shown.
        show: pictures uint8 [B, S, S, 3] and their numbers int64 [B] -> the copies, uint8 [B, S, S, 3].
    """

    draw: Callable[[str], int]
    show: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def _turn(name: str) -> int:
    return int(stable_hash(np.array([name], object), "turn")[0] % np.uint64(RotationProbe.classes))


def _turned(pictures: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    """Each picture by its own number of quarter turns."""
    turned = tf.stack([tf.image.rot90(pictures, k) for k in range(RotationProbe.classes)])
    rows = tf.range(tf.shape(pictures)[0], dtype=tf.int64)
    return tf.gather_nd(turned, tf.stack([turns, rows], axis=1))


def _hue_shift(name: str) -> int:
    return int(hue_shift_of(tf.constant([name]))[0])


# The feature that holds the number -> the kind of copy; and which kind a probe is shown, if not the picture itself.
COPIES = {"turn": Copy(_turn, _turned), "hue_shift": Copy(_hue_shift, shift_hue)}
SHOWN: dict[type[Probe], str] = {RotationProbe: "turn", HueShiftProbe: "hue_shift"}


def answer_feature(probe: Probe) -> str | None:
    """The feature that holds the right answer to a probe; None for a kind of probe that examples cannot ask."""
    return probe.field if isinstance(probe, LabelProbe) else SHOWN.get(type(probe))


def copy_shown(feature: str) -> str:
    """Which copy is shown where `feature` holds the right answer: a key of `COPIES`, or the picture itself."""
    return feature if feature in COPIES else UPRIGHT


def probe_of(name: str, sources: Mapping[str, Source]) -> Probe:
    """The probe of this name in the library's registry, on these pictures, which have the labels that it needs."""
    probe = PROBES[name](sources)
    assert isinstance(probe, Probe)
    return probe
