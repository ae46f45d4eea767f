"""Whatever pictures somebody has, as the pixels that an embedder takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from looc_tf.data.given import Picture, as_array, as_pictures, check_alpha, is_one, is_path, multiplier, rgb
from looc_tf.data.ingest import FAULTS, decode_one, why_broken
from looc_tf.data.pixels import PLAIN, Pixels
from looc_tf.data.raw import is_deep
from looc_tf.errors import UserError

REMEDY = "Call the embedder itself, `embedder(x)`, which takes one picture, grey ones, PIL pictures and paths too."


OF_MORE_BITS = "An encoder that was trained on such takes them: Embedder(..., rule=source.pixels), or a run's."


def portions_of(pictures: Any, size: int, batch: int, rule: Pixels = PLAIN) -> Iterator[np.ndarray]:
    """uint8 `[b, H, W, C]` of at most `batch` pictures after another.

    Args:
        pictures: one picture or several, see `Embedder.__call__`.
        size: pixels of the side at which pictures of a list, which may have different sizes, are held.
        batch: pictures at a time.
        rule: by which intensities become 8 bits.

    Raises:
        UserError: no pictures, values out of 0..255, or a file that cannot be read.
    """
    if hasattr(pictures, "fetch"):
        check_rule(pictures, rule)
        for start in range(0, len(pictures), batch):
            yield pictures.fetch(tf.range(start, min(start + batch, len(pictures))))["image"].numpy()
        return
    several = _several(pictures, rule)
    if not several:
        raise UserError("Expected at least one picture. Received none.")
    made = _maker(several, rule)
    alike = len({picture.shape for picture in several if isinstance(picture, np.ndarray)}) == 1
    for start in range(0, len(several), batch):
        part = several[start : start + batch]
        if alike and all(isinstance(picture, np.ndarray) for picture in part):
            yield np.stack([made(picture) for picture in part])
        else:
            yield np.stack([_square(picture, made, size, rule) for picture in part])


def check_rule(source: Any, rule: Pixels) -> None:
    """Raises a `UserError` for an open source whose pictures became 8 bits by another rule than those of a training."""
    its = getattr(source, "pixels", PLAIN)
    if its != rule:
        raise UserError(
            f"Expected a source held by the rule of the training, {rule}. Received one held by {its}. Open it by that "
            "rule: open_source(..., pixels=run.pixels), source_of(..., pixels=run.pixels)."
        )


def _maker(pictures: list[Picture], rule: Pixels) -> Callable[[Picture], Any]:
    """What makes bytes of a file, or uint8 `[H, W, C]`, of each of these pictures."""
    if rule.plain:
        scale = multiplier(pictures, unit=False)
        check_alpha(pictures, scale)
        return lambda picture: _of_eight_bits(rgb(picture, scale), picture)

    def by_rule(picture: Picture) -> Any:
        if not isinstance(picture, np.ndarray):
            return rgb(picture, 1.0)
        try:
            return rule.eight_bits(picture)
        except ValueError as error:
            raise UserError(f"Expected pictures like those of the training. Received {error}.") from error

    return by_rule


def _of_eight_bits(made: Any, picture: Picture) -> Any:
    if isinstance(made, bytes) and is_deep(made):
        raise UserError(f"Expected pictures of 8 bits. Received {picture} of more. {OF_MORE_BITS}")
    return made


def _several(pictures: Any, rule: Pixels) -> list[Picture]:
    """One picture as a list of it."""
    if is_path(pictures) or isinstance(pictures, Image.Image):
        return as_pictures([pictures])
    if not isinstance(pictures, (list, tuple)):
        pictures = as_array(pictures)
        one = _is_one_of_bands(pictures) if rule.bands else is_one(pictures)
        pictures = pictures[None] if one and pictures.dtype.kind not in "OUS" else pictures
    return as_pictures(
        list(pictures) if isinstance(pictures, np.ndarray) and pictures.ndim == 4 else pictures, many=bool(rule.bands)
    )


def _is_one_of_bands(array: np.ndarray) -> bool:
    """Whether an array is one picture [H, W, bands] or [H, W]; grey ones [N, H, W] have no bands to choose from."""
    if array.ndim != 3:
        return array.ndim == 2
    height, width, bands = array.shape
    if bands < min(height, width):
        return True
    raise UserError(
        f"Expected pictures [N, H, W, bands], or one of them, [H, W, bands]. Received {list(array.shape)}. "
        "Of grey ones make pictures of one band: `x[..., None]`."
    )


def _square(picture: Picture, made: Callable[[Picture], Any], size: int, rule: Pixels) -> np.ndarray:
    try:
        found = made(picture)
        return decode_one(found, size, rule if isinstance(found, bytes) else PLAIN)
    except FAULTS as error:
        raise UserError(f"Expected a readable picture. {picture}: {why_broken(error)}.") from error


def checked_pixels(images: Any, channels: int = 3) -> tf.Tensor:
    """uint8 `[B, H, W, C]` of pixels in 0..255; floats are rounded.

    Raises:
        UserError: another shape or range; of symbolic tensors only the shape and the type are known.
    """
    wanted = f"Expected pixels [B, H, W, {channels}]."
    if is_path(images):
        raise UserError(f"{wanted} Received a text. {REMEDY}")
    try:
        images = tf.convert_to_tensor(images)
    except (ValueError, TypeError) as error:
        raise UserError(f"{wanted} Received {type(images).__name__}. {REMEDY}") from error
    shape = images.shape
    if shape.rank is not None and (shape.rank != 4 or shape[-1] not in (channels, None)):
        axis = "Add an axis, `x[None]`. " if shape.rank == 3 and shape[-1] == channels else ""
        raise UserError(f"{wanted} Received {shape.as_list()}. {axis}{REMEDY}")
    if images.dtype == tf.uint8:
        return images
    if images.dtype.is_floating or images.dtype.is_integer:
        values = images.numpy() if hasattr(images, "numpy") else None
        if values is not None and values.size:
            multiplier([values], unit=False)
        return tf.saturate_cast(tf.round(tf.cast(images, tf.float32)), tf.uint8)
    raise UserError(f"{wanted} Received {images.dtype.name}. {REMEDY}")
