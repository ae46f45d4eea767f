"""What the folders above a picture say: its split, its class, or that it is the mask of another picture.

Read from the top, for all pictures of a set together:

- A level of *split folders* is where `train` lies beside `test` or `val` (or alone). Words that say nothing of the
  pictures may stand around: `train_images`, `seg_test`, `train2017`, `training_set`, `train1` beside `test1`. Whatever
  else lies there, folders and loose pictures, is the *pool*: training pictures without a label. Split folders may lie
  on any level, also below the classes (`cat/train`).
- A lone `train` among other folders is a class (of trains), unless it alone holds folders of pictures.
- `unlabeled` and its like are the pool on every level.
- Folders that say nothing are stepped over: one called `images`, one that holds all the others, and numbered pieces
  (`fold_0`, `split1`, `part 2`, `images_003`), which are no train and test by themselves.
- The first folder that is left is the class: the coarsest where folders lie in each other (`Fruit/Apple/Red`).
- `masks`, `annotations`, `gt` and their like are no pictures where their names mirror those of pictures in a folder of
  images beside them, and neither is `cat_mask.png` beside `cat.png`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath

from looc_tf.data.splits import ALIASES, POOL

_POOLS = frozenset("unlabeled unlabelled unlabel unsupervised".split())
_IMAGES = frozenset(
    "image images img imgs picture pictures photo photos pic pics jpegimages jpegs jpg jpeg png rgb data".split()
)
_PLAIN = _IMAGES | frozenset("dataset datasets set sets seg cls split splits".split())  # they say nothing of pictures
_PIECES = _IMAGES | frozenset("fold split part chunk shard piece".split())  # nor do these, with a number
_MASKS = frozenset(
    "mask masks annotation annotations annot annots segmentation segmentations segmentationclass segmentationobject "
    "label labels gt groundtruth".split()
)
_MASK_NAME = re.compile(r"^(.+?)[-_. ](?:mask|masks|seg|segmentation|gt|groundtruth|labels?)(?:[-_. ]?\d+)?$", re.I)
_WORD = re.compile(r"[^\W\d_]+|\d+")


@dataclass
class _Seen:
    """A picture while its folders are read from the top."""

    path: PurePosixPath
    rest: tuple[str, ...]
    split: str = ""
    label: str = ""


@dataclass(frozen=True)
class Layout:
    """What the folders say.

    Attributes:
        pictures: those that are no masks, in the order in which they came; as texts where they were kept so.
        splits: of each "train", "validation", "test", "pool", or "" where nothing is declared.
        classes: of each the name, "" for none.
        passed_over: "masks" -> how many.
    """

    pictures: Sequence[PurePosixPath | str]
    splits: list[str]
    classes: list[str]
    passed_over: dict[str, int] = field(default_factory=dict)


def layout(paths: Sequence[PurePosixPath]) -> Layout:
    """Reads the folders of pictures, given relative to the set's own.

    Example:
        >>> found = layout([PurePosixPath(name) for name in ("train/cat/1.jpg", "test/cat/2.jpg", "extra/3.jpg")])
        >>> found.splits, found.classes
        (['train', 'test', 'pool'], ['cat', 'cat', ''])
    """
    masks = _masks(paths)
    seen = [_Seen(path, path.parts[:-1]) for path in paths if path not in masks]
    _read(seen)
    return Layout(
        [one.path for one in seen],
        [one.split for one in seen],
        [one.label for one in seen],
        {"masks": len(masks)} if masks else {},
    )


def first_layout(paths: Sequence[PurePosixPath]) -> Layout:
    """What folders say by rules 1: split folders are the uppermost ones, and the next are the classes."""
    tops = {path.parts[0].lower() for path in paths if len(path.parts) > 1}
    declared = any(ALIASES.get(top) == "train" for top in tops) or (len(tops) > 1 and tops <= set(ALIASES))
    splits, classes = [], []
    for path in paths:
        parts = path.parts[:-1]
        split = ALIASES.get(parts[0].lower(), "") if declared and parts else ""
        parts = parts[1:] if split else parts
        splits.append(split)
        classes.append(parts[0] if parts else "")
    return Layout(list(paths), splits, classes)


@lru_cache(maxsize=4096)
def kind_of(folder: str) -> str:
    """What the name of a folder (or of a list of pictures) declares: a split, "pool", "masks", "plain" or ""."""
    words = [word.lower() for word in _WORD.findall(folder)]
    texts = [word for word in words if not word.isdigit()]
    if not _POOLS.isdisjoint(texts):
        return POOL
    if texts and (texts[-1] in _MASKS or " ".join(texts) == "ground truth"):
        return "masks"
    splits = {ALIASES[word] for word in texts if word in ALIASES}
    if len(splits) == 1 and all(word in ALIASES or word in _PLAIN for word in texts):
        return splits.pop()
    return "plain" if texts and _PLAIN.issuperset(texts) and len(texts) == len(words) else ""


def _read(seen: list[_Seen]) -> None:
    """Fills in split and class."""
    declared = False
    while True:
        below = [one for one in seen if one.split != POOL]
        tops = {one.rest[0] for one in below if one.rest}
        if not declared and _declares(tops, below):
            declared = True
            for one in below:
                split = kind_of(one.rest[0]) if one.rest else POOL
                one.split = split if split in ALIASES else POOL
                one.rest = one.rest[1:] if one.split != POOL else ()
            continue
        _set_aside(below, tops)
        below = [one for one in below if one.split != POOL]
        if not _says_nothing(below):
            break
        for one in below:
            one.rest = one.rest[1:]
    for one in below:
        one.label = one.rest[0] if one.rest else ""
    if not declared:
        _read_below(below)


def _declares(tops: set[str], seen: Iterable[_Seen]) -> bool:
    """Whether folders that lie side by side are split folders."""
    kinds = {top: kind_of(top) for top in tops}
    splits = {kind for kind in kinds.values() if kind in ALIASES}
    others = {top for top, kind in kinds.items() if kind not in ALIASES and kind != POOL and top.lower() != "extra"}
    if "train" in splits and len(splits) == 1 and others:  # steam trains, beside buses and trams?
        deep = {one.rest[0] for one in seen if len(one.rest) > 1}
        trains = {top for top in tops if kinds[top] == "train"}
        return trains <= deep and deep.isdisjoint(others)
    return bool(splits) and ("train" in splits or not others)


def _set_aside(seen: Iterable[_Seen], tops: set[str]) -> None:
    """Moves what a folder calls unlabelled to the pool; where nothing else is there, it is the set."""
    pools = {top for top in tops if kind_of(top) == POOL}
    loose = any(not one.rest for one in seen)
    for one in seen:
        if one.rest and one.rest[0] in pools and (tops > pools or loose):
            one.split, one.rest = POOL if one.split in ("", "train") else one.split, ()


def _says_nothing(seen: Sequence[_Seen]) -> bool:
    """Whether the uppermost folders are no classes."""
    tops = {one.rest[0] for one in seen if one.rest}
    if not tops:
        return False
    if all(one.split and kind_of(one.rest[0]) == one.split for one in seen if one.rest):  # seg_train/seg_train/cat
        return True
    if len(tops) == 1:
        return kind_of(*tops) in ("plain", POOL) or all(len(one.rest) > 1 for one in seen)
    stems = {re.sub(r"\d+", "0", top.lower()) for top in tops}
    words = set(_WORD.findall(stems.pop()))
    return not stems and "0" in words and not words.isdisjoint(_PIECES)


def _read_below(seen: Sequence[_Seen]) -> None:
    """Split folders below the classes: a level on which nearly nothing else lies."""
    for level in range(1, max((len(one.rest) for one in seen), default=0)):
        deep = [one for one in seen if len(one.rest) > level]
        kinds = {kind_of(one.rest[level]) for one in deep}
        if 2 * len(deep) > len(seen) and kinds <= {*ALIASES, POOL} and "train" in kinds and len(kinds) > 1:
            for one in seen:
                one.split = kind_of(one.rest[level]) if len(one.rest) > level else POOL
            return


def _masks(paths: Sequence[PurePosixPath]) -> set[PurePosixPath]:
    """The pictures that are masks of others."""
    bare = {path: found.group(1) for path in paths if (found := _MASK_NAME.match(path.stem))}
    stems = {path.with_suffix("") for path in paths} if bare else set()
    masks = {path for path, name in bare.items() if path.with_name(name) in stems}
    named = {part for folder in {path.parent for path in paths} for part in folder.parts if kind_of(part) == "masks"}
    return masks | _mirrored(paths) if named else masks


def _mirrored(paths: Sequence[PurePosixPath]) -> set[PurePosixPath]:
    """The pictures in folders of masks of which at least half are called as pictures in a folder beside them are."""
    images = set()
    folders: dict[PurePosixPath, list[tuple[PurePosixPath, PurePosixPath]]] = {}
    for path in paths:
        for folder in list(path.parents)[:-1]:
            below = path.relative_to(folder).with_suffix("")
            if kind_of(folder.name) == "masks":
                folders.setdefault(folder, []).append((path, below))
            elif kind_of(folder.name) in ("plain", *ALIASES):
                images.add((folder.parent, below))
    masks = set()
    for folder, listed in folders.items():
        twins = sum(any((folder.parent, name) in images for name in _twins(below)) for _, below in listed)
        masks |= {path for path, _ in listed} if 2 * twins >= len(listed) else set()
    return masks


def _twins(mask: PurePosixPath) -> Iterable[PurePosixPath]:
    """How the picture of a mask may be called: `cat` for `cat`, `cat_mask` and `cat_L`."""
    yield mask
    for name in (_MASK_NAME.sub(r"\1", mask.name), re.sub(r"[-_. ][^-_. ]+$", "", mask.name)):
        yield mask.with_name(name or mask.name)
