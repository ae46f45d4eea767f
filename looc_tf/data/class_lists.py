"""Lists of classes by which an evaluation is restricted: ImageNet-100, ObjectNet-13, or a file of names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from looc_tf.data.source import Source
from looc_tf.errors import UserError, cause, shown, unknown

# The 100 classes of Contrastive Multiview Coding (Tian et al. 2020), to which ImageNet-C is restricted as well.
IMAGENET_100 = """
    n02869837 n01749939 n02488291 n02107142 n13037406 n02091831 n04517823 n04589890 n03062245 n01773797
    n01735189 n07831146 n07753275 n03085013 n04485082 n02105505 n01983481 n02788148 n03530642 n04435653
    n02086910 n02859443 n13040303 n03594734 n02085620 n02099849 n01558993 n04493381 n02109047 n04111531
    n02877765 n04429376 n02009229 n01978455 n02106550 n01820546 n01692333 n07714571 n02974003 n02114855
    n03785016 n03764736 n03775546 n02087046 n07836838 n04099969 n04592741 n03891251 n02701002 n03379051
    n02259212 n07715103 n03947888 n04026417 n02326432 n03637318 n01980166 n02113799 n02086240 n03903868
    n02483362 n04127249 n02089973 n03017168 n02093428 n02804414 n02396427 n04418357 n02172182 n01729322
    n02113978 n03787032 n02089867 n02119022 n03777754 n04238763 n02231487 n03032252 n02138441 n02104029
    n03837869 n03494278 n04136333 n03794056 n03492542 n02018207 n04067472 n03930630 n03584829 n02123045
    n04229816 n02100583 n03642806 n04336792 n03259280 n02116738 n02108089 n03424325 n01855672 n02090622
""".split()

# The classes that ObjectNet shares with these, as its folders and its table call them; their ids in ImageNet.
OBJECTNET_13 = {
    "n03891251": ("bench",),
    "n02877765": ("bottle_cap",),
    "n04099969": ("chair",),
    "n03379051": ("helmet",),
    "n03584829": ("iron", "iron_for_clothes"),
    "n03594734": ("jeans",),
    "n03085013": ("keyboard",),
    "n03637318": ("lampshade",),
    "n03642806": ("laptop", "laptop_open"),
    "n03775546": ("mixing_bowl", "mixing_salad_bowl"),
    "n04127249": ("safety_pin",),
    "n04517823": ("vacuum_cleaner",),
    "n02974003": ("wheel",),
}
LISTS: dict[str, tuple[str, ...]] = {
    "imagenet-100": tuple(IMAGENET_100),
    "objectnet-13": tuple(name for number, names in OBJECTNET_13.items() for name in (number, *names)),
}


def class_names(classes: str) -> frozenset[str]:
    """The names of a list that is here, or of a file with one a line (`#` begins a comment), in plain letters.

    Raises:
        UserError: neither is there, or the file cannot be read or names nothing.

    >>> sorted(class_names("objectnet-13"))[0]
    'bench'
    """
    if classes in LISTS:
        return frozenset(map(_plain, LISTS[classes]))
    path = Path(os.path.expanduser(classes))
    if not path.is_file():
        raise unknown("list of classes (nor is there a file of that name)", classes, LISTS)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"Expected a text file with a class name a line in {classes!r}: {cause(error)}.") from error
    names = frozenset(_plain(name) for line in lines if (name := line.partition("#")[0].strip()))
    if not names:
        raise UserError(f"Expected a class name a line in {classes!r}. It names none.")
    return names


def of_classes(sources: Mapping[str, Source], classes: str | None) -> dict[str, Source]:
    """The pictures whose class is on a list, part by part; all of them where there is no list.

    A name is the same whatever its case and whatever stands between its words. Class numbers stay what they are.

    Raises:
        UserError: the pictures have no labels, none of their classes is on the list, or what `class_names` raises.
    """
    if classes is None:
        return dict(sources)
    wanted = class_names(classes)
    known = [name for source in sources.values() for name in source.fields.get("label", ())]
    if not any(_plain(name) in wanted for name in known):
        has = f"classes such as {shown(known[0])}, none of which is on it" if known else "no labels"
        of = next(iter(sources.values())).name
        raise UserError(
            f"Expected pictures of the classes of {classes!r} (evaluation.classes). Received {of!r}, which has {has}. "
            "Name other pictures, another list, or a file with a class name a line."
        )
    return {part: _restricted(source, wanted) for part, source in sources.items()}


def restriction(whole: Mapping[str, Source], kept: Mapping[str, Source], classes: str | None) -> list[str]:
    """One line on what a list has left of the pictures; none where it has left all of them, or there is none."""
    if all(len(kept[part]) == len(source) for part, source in whole.items()):
        return []
    parts = ", ".join(f"{len(kept[part]):,} of {len(source):,} {part}" for part, source in whole.items())
    return [f"of the classes of {classes} alone: {parts} pictures"]


def _restricted(source: Source, wanted: frozenset[str]) -> Source:
    """The source itself where all of its pictures stay: nothing is copied."""
    numbers = [number for number, name in enumerate(source.fields.get("label", ())) if _plain(name) in wanted]
    stay = np.isin(source.labels["label"], numbers)
    return source if stay.all() else source.take(np.flatnonzero(stay))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")
