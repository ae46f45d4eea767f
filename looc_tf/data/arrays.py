"""Pictures in memory as a `Source`: what a notebook has, for everything that trains, measures and embeds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from looc_tf.data.class_labels import class_labels
from looc_tf.data.given import Picture, as_pictures, check_alpha, is_deep, is_one, multiplier, rgb, sides
from looc_tf.data.pixels import Pixels
from looc_tf.data.source import BUDGET, Source
from looc_tf.data.splits import SPLITS, assign, canonical, select
from looc_tf.data.survey import Given, find
from looc_tf.data.table import Encoded, Table, objects
from looc_tf.errors import UserError
from looc_tf.progress import stages

log = logging.getLogger(__name__)


def source_of(
    images: Any,
    labels: Any = None,
    *,
    size: int | None = None,
    split: str = "train",
    classes: Sequence[str] | None = None,
    name: str = "arrays",
    bands: Sequence[int] | None = None,
    range: Given = None,
    pixels: Pixels | None = None,
) -> Source:
    """The `Source` of pictures in memory, for `training_batches`, `train` and `evaluate_run`.

    Args:
        images: an array or tensor [N, H, W, 3], [N, H, W] or [N, H, W, 1] (grey is repeated); a list of arrays of any
            sizes, of PIL pictures or of paths; or a finite `tf.data.Dataset` of pictures or of (picture, label),
            batched or not, which is read into memory. 8-bit values are taken as they are; of floats one rule holds for
            all pictures: in [0, 1], they are multiplied by 255; up to 255, they are rounded. Wider numbers (X-rays,
            reflectance) have one range that is found from the values of many of them, see `Pixels`.
        labels: [N] whole numbers or names, or [N, classes] one-hot; -1 (of names: None) where there is none.
        size: pixels of the side at which pictures are held, `data.size` of a config; by default that of the pictures,
            where all are squares of one size.
        split: what the pictures are for: "train", "validation" or "test".
        classes: names of the labels; by default the numbers up to the largest, or the names in their order. Give them
            where parts of a set are made one by one, so that a number means the same class in all of them.
        name: under which the pictures go in messages and results.
        bands, range, pixels: as in `open_source`; with bands the pictures are [N, H, W, any number of bands].

    Raises:
        UserError: pictures or labels that are none of these, or not as many of one as of the other.

    Example:
        >>> source = source_of(np.zeros([10, 32, 32]), labels=[0, 1] * 5)
        >>> source.fetch([0, 9])["image"].shape, source.fields
        (TensorShape([2, 32, 32, 3]), {'label': ('0', '1')})
    """
    split = canonical(split)
    table, held = _table(images, labels, size, classes, name, bands, range, pixels, whole=True)
    return Source(table, name=name, split=split, **held)


def parts_of(
    images: Any,
    labels: Any = None,
    *,
    size: int | None = None,
    classes: Sequence[str] | None = None,
    name: str = "arrays",
    bands: Sequence[int] | None = None,
    range: Given = None,
    pixels: Pixels | None = None,
) -> dict[str, Source]:
    """{"train", "validation", "test"}: pictures in memory, cut 80/10/10 by a hash of their place. See `source_of`.

    Example:
        >>> parts = parts_of(np.zeros([100, 32, 32]), labels=[0, 1] * 50)
        >>> sum(len(source) for source in parts.values())
        100
    """
    table, held = _table(images, labels, size, classes, name, bands, range, pixels)
    present = [split for split in SPLITS if (assign(table) == split).any()]
    parts = {split: select(table, split, name) for split in dict.fromkeys([*present, "train", "test"])}
    return {split: Source(part, name=name, split=split, **held) for split, part in parts.items()}


def _table(
    images: Any,
    labels: Any,
    size: int | None,
    classes: Sequence[str] | None,
    name: str,
    bands: Sequence[int] | None,
    given: Given,
    rule: Pixels | None = None,
    whole: bool = False,
) -> tuple[Table, dict[str, Any]]:
    """All rows, and how a `Source` is to hold them."""
    if isinstance(images, tf.data.Dataset):
        images, labels = _read(images, labels, name)
    bands = bands if rule is None else rule.bands or None
    pictures = as_pictures(images, many=bands is not None)
    if not pictures:
        raise UserError("Expected pictures. Received none of them.")
    size = _size(pictures, size)
    numbers, names = class_labels(labels, len(pictures), classes)
    _warn_of_the_dark(pictures)
    table = Table(
        ids=_ids(pictures),
        splits=np.full(len(pictures), "", "<U10"),
        labels={"label": numbers},
        fields={"label": names} if names else {},
        picture=_plainly(pictures)
        if bands is None and given is None and not rule and not is_deep(pictures)
        else _deeply(pictures),
    )
    rule, remarks = (rule, ()) if rule else find(table, name, bands, given, whole)
    return table, {"size": size, "pixels": rule, "remarks": remarks}


def _plainly(pictures: Sequence[Picture]) -> Encoded:
    """Pictures of 8 bits, or floats in one of the two usual ranges: row -> uint8 [H, W, 3], or a file."""
    scale = multiplier(pictures, unit=True)
    check_alpha(pictures, scale)
    return lambda row: rgb(pictures[row], scale)


def _deeply(pictures: Sequence[Picture]) -> Encoded:
    """Wider numbers and other bands: row -> what is there, for a rule of the whole set."""

    def picture(row: int) -> Any:
        one = pictures[row]
        return one if isinstance(one, np.ndarray) else rgb(one, 1.0)

    return picture


def _size(pictures: Sequence[Picture], size: int | None) -> int:
    found = sides(pictures)
    if size is not None:
        if not isinstance(size, (int, np.integer)) or size < 1:
            raise UserError(f"Expected a size of at least 1 pixel. Received size={size!r}.")
        return int(size)
    if found is None or len(found) > 1 or len(set(next(iter(found)))) > 1:
        received = "files" if found is None else f"pictures of {len(found)} sizes, such as {list(min(found))}"
        raise UserError(f"Expected squares of one size, or `size=` to hold them at. Received {received}. Give a size.")
    return next(iter(found))[0]


def _ids(pictures: Sequence[Picture]) -> np.ndarray:
    """Names that hang on the pictures' places alone, so that a cut by their hash stays; of files also their paths."""
    width = max(6, len(str(len(pictures))))
    return objects([f"{row:0{width}}" + (f" {p}" if isinstance(p, Path) else "") for row, p in enumerate(pictures)])


def _warn_of_the_dark(pictures: Sequence[Picture]) -> None:
    """Whole numbers are taken as they are; of zeros and ones nothing would be seen."""
    arrays = [p for p in pictures if isinstance(p, np.ndarray)]
    if arrays and arrays[0].dtype.kind in "iu" and max(int(array.max()) for array in arrays) == 1:
        log.warning("The largest value of these pictures is 1 of 255: they are nearly black. Multiply them by 255?")


def _read(dataset: tf.data.Dataset, labels: Any, name: str) -> tuple[list[np.ndarray], Any]:
    """The pictures and labels of a data set, in memory."""
    total = int(dataset.cardinality())
    if labels is not None:
        raise UserError("Expected the labels of a data set in it, as (picture, label). Received labels beside it.")
    if total == tf.data.INFINITE_CARDINALITY:
        raise UserError("Expected a data set that ends. Received one that is repeated. Leave out its `repeat`.")
    pictures: list[np.ndarray] = []
    found: list[Any] = []
    held = 0
    with stages("{task.description}", "bar", "count", after=2.0) as show:
        for done, element in enumerate(dataset, 1):
            some, marks = _element(element)
            pictures += some
            found += marks
            held += sum(picture.nbytes for picture in some)
            if held > BUDGET:
                raise UserError(
                    f"Expected at most {BUDGET:,} bytes of pictures. The data set holds more. Open it by its TFDS name "
                    "or as TFRecord files, which are read as they are needed, or `take` a part of it."
                )
            show(f"reading {name}", done, total if total >= 0 else None)
    return pictures, (found or None)


def _element(element: Any) -> tuple[list[np.ndarray], list[Any]]:
    """The pictures of one element, and their labels; none where it has none."""
    if isinstance(element, dict) and "image" in element:
        element = tuple(element[key] for key in ("image", "label") if key in element)
    parts = element if isinstance(element, tuple) else (element,)
    if len(parts) > 2 or not all(isinstance(part, (tf.Tensor, tf.RaggedTensor)) for part in parts):
        raise UserError("Expected a data set of pictures or of (picture, label). Map its elements to that.")
    images = np.asarray(parts[0])
    if images.dtype.kind in "OUS":
        raise UserError("Expected a data set of pixels. Received strings. Decode them: `tf.io.decode_image`.")
    if is_one(images):
        return [images], [part.numpy() for part in parts[1:]]
    marks = [label for part in parts[1:] for label in part.numpy()]
    if parts[1:] and len(marks) != len(images):
        raise UserError(f"Expected a label for each picture of a batch. Received {len(images)} and {len(marks)}.")
    return list(images), marks
