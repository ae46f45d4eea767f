"""Pictures as somebody has them in memory, to uint8 [H, W, 3]: arrays of any kind, PIL pictures, names of files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Union

import numpy as np
from PIL import Image, ImageOps

from looc_tf.data.ingest import read_file
from looc_tf.errors import UserError, reason, shown

Picture = Union[np.ndarray, Image.Image, Path]  # one picture as it was given
CHANNELS = (1, 3, 4)
BANDS = 16  # pixels; a last axis that is shorter, and shorter than the one before it, is none of a picture
HALF = 0.5  # of a step of 8 bits: what is rounded away
BETWEEN = 2.0  # floats whose largest value is over 1 and under this are neither in [0, 1] nor in 0..255


def is_path(value: Any) -> bool:
    """Whether it names a file."""
    return isinstance(value, (str, os.PathLike))


def as_pictures(images: Any, many: bool = False) -> list[Picture]:
    """One entry for each picture, nothing copied.

    Args:
        images: [N, H, W, 3], grey [N, H, W] or [N, H, W, 1], with an opaque fourth channel [N, H, W, 4]; or a list of
            pictures (arrays of any sizes, PIL pictures, paths), also mixed. What `numpy.asarray` takes is an array.
        many: whether pictures [H, W, bands] of any number of bands are taken.

    Raises:
        UserError: it is something else.
    """
    if is_path(images) or isinstance(images, Image.Image):
        raise UserError(f"Expected a list of pictures. Received one: {shown(images)}. Put it into a list.")
    if not isinstance(images, (list, tuple)):
        images = as_array(images)
        named = images.ndim == 1 and images.dtype.kind in "OUS"
        one = not (many and images.ndim == 4) and (is_one(images) or _has_bands(images))
        if not named and (images.ndim not in (3, 4) or one):
            raise _shape("pictures [N, H, W, 3] or [N, H, W]", images, "Of one picture make a batch: `x[None]`.")
    return [_picture(each, many) for each in images]


def as_array(images: Any) -> np.ndarray:
    """`numpy.asarray` of an array or tensor of whatever library; `UserError` where there are no pixels in it."""
    try:
        array = np.asarray(images)
    except Exception as error:  # each library refuses in its own way
        raise UserError(f"Expected pictures as an array. {type(images).__name__}: {reason(error)}.") from error
    if array.dtype.kind not in "OUS" or array.ndim == 1:
        return array
    raise UserError(f"Expected pictures as an array or a list of them. Received {type(images).__name__}.")


def _has_bands(array: np.ndarray) -> bool:
    """Whether what might be grey pictures [N, H, W], as narrow as no picture is, are rather the bands of one."""
    return array.ndim == 3 and array.shape[-1] < min(BANDS, array.shape[-2])


def is_one(array: np.ndarray) -> bool:
    """Whether an array is one picture, [H, W] or [H, W, 1 | 3 | 4], and no batch of them."""
    return array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in CHANNELS)


def _picture(image: Any, many: bool) -> Picture:
    """One entry of a list as it is, or as the array or path in it."""
    if isinstance(image, Image.Image):
        return _deep(image)
    if is_path(image):
        return Path(os.path.expanduser(image))
    if isinstance(image, bytes):
        raise UserError("Expected arrays, PIL pictures or paths. Received bytes; decode them, or name the files.")
    array = as_array(image)
    if (is_one(array) or (many and array.ndim == 3)) and array.size and array.dtype.kind not in "OUS":
        return array
    raise _shape("a picture [H, W, 3] or [H, W]", array, "Labels are the second argument; channels come last.")


def _deep(image: Image.Image) -> Picture:
    """A PIL picture as it is; one of 16 bits, 32 bits or floats as its numbers, whose range is that of the set."""
    if image.mode.startswith(("I", "F")):
        return np.asarray(ImageOps.exif_transpose(image))
    return image


def _shape(expected: str, array: np.ndarray, remedy: str) -> UserError:
    if array.ndim in (3, 4) and array.shape[-3] in CHANNELS and array.shape[-1] not in CHANNELS:
        remedy = "Channels come last: `np.moveaxis(x, -3, -1)`."
    elif array.ndim in (3, 4) and len(CHANNELS) < array.shape[-1] < BANDS * 2:
        remedy = f"Of {array.shape[-1]} bands name those to use, as in bands=[3, 2, 1]."
    return UserError(f"Expected {expected}. Received {list(array.shape)}. {remedy}")


def multiplier(pictures: Iterable[Picture], *, unit: bool) -> float:
    """What the values are multiplied by to lie in 0..255: one number for all pictures, never one for each.

    Args:
        pictures: see `as_pictures`; a PIL picture or a file of 8 bits has its range already.
        unit: whether floats in [0, 1] are taken (and multiplied by 255) or refused.

    Raises:
        UserError: values of more than 8 bits, below 0, above 255, not finite, or of two kinds.
    """
    arrays = [picture for picture in pictures if isinstance(picture, np.ndarray)]
    kinds = {array.dtype for array in arrays} or {np.dtype(np.uint8)}
    if len(kinds) > 1:
        raise UserError(f"Expected pictures of one type. Received {', '.join(sorted(map(str, kinds)))}; convert them.")
    kind = kinds.pop()
    if kind.kind == "b":
        return 255.0
    if kind == np.uint8:
        return 1.0
    if kind.kind not in "iuf":
        raise UserError(f"Expected pictures of numbers. Received {kind}.")
    low, high = min(float(array.min()) for array in arrays), max(float(array.max()) for array in arrays)
    return _multiplier(kind, low, high, unit)


def _multiplier(kind: np.dtype, low: float, high: float, unit: bool) -> float:
    wanted = "8-bit values, floats in [0, 1] or floats in 0..255" if unit else "values in 0..255"
    received = f"Expected {wanted}. Received {kind} from {low:g} to {high:g}."
    if not np.isfinite([low, high]).all():
        raise UserError(f"{received} Replace what is not finite.")
    if kind.kind in "iu" and kind.itemsize == 2:
        more = "" if unit else " An encoder that was trained on such takes them: Embedder(..., rule=source.pixels)."
        raise UserError(f"{received} Scale them with one range for all of the data, as in `(x / 65535 * 255)`.{more}")
    if kind.kind in "iu" or high >= BETWEEN:
        if low < -HALF or high > 255 + HALF:
            raise UserError(f"{received} Scale them with one range for all of the data.")
        return 1.0
    if low < -HALF / 255 or high > 1 + HALF / 255:
        raise UserError(f"{received} Scale them with one range for all of the data, or clip them.")
    if high > 0 and not unit:
        raise UserError(f"{received} Multiply values in [0, 1] by 255.")
    return 255.0


def is_deep(pictures: Iterable[Picture]) -> bool:
    """Whether arrays hold more than 8 bits: whole numbers of a wider type, or floats out of 0..255 or not finite."""
    arrays = [picture for picture in pictures if isinstance(picture, np.ndarray)]
    if any(array.dtype.kind in "iu" and array.dtype != np.uint8 for array in arrays):
        low, high = min(float(array.min()) for array in arrays), max(float(array.max()) for array in arrays)
        return low < 0 or high > 255 or any(array.dtype == np.uint16 for array in arrays)
    floats = [array for array in arrays if array.dtype.kind == "f"]
    return any(not np.isfinite(array).all() or array.min() < -HALF or array.max() > 255 + HALF for array in floats)


def check_alpha(pictures: Iterable[Picture], scale: float) -> None:
    """Sees that a fourth channel of an array is an alpha that hides nothing: it might be a band as well.

    Raises:
        UserError: it is not.
    """
    for picture in pictures:
        if isinstance(picture, np.ndarray) and picture.ndim == 3 and picture.shape[-1] == 4:
            alpha = picture[..., 3]
            if not (alpha * scale == 255).all() and not (alpha == 255).all():
                raise UserError(
                    "Expected three channels, or an alpha that is opaque. Received a fourth channel from "
                    f"{alpha.min():g} to {alpha.max():g}. Leave it out: `x[..., :3]`; PIL pictures are laid over white."
                )


def rgb(picture: Picture, scale: float) -> Union[np.ndarray, bytes]:
    """uint8 [H, W, 3], contiguous; of a path the bytes of the file."""
    if isinstance(picture, Path):
        return read_file(picture)
    if isinstance(picture, Image.Image):
        return _from_pil(picture)
    pixels = picture if picture.ndim == 3 else picture[..., None]
    pixels = np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels[..., :3]
    if pixels.dtype != np.uint8:
        pixels = np.clip(np.rint(pixels.astype(np.float32) * np.float32(scale)), 0, 255)
    return np.ascontiguousarray(pixels, np.uint8)


def _from_pil(image: Image.Image) -> np.ndarray:
    """As the same picture in a file: upright, and laid over white where it is transparent."""
    image = ImageOps.exif_transpose(image)
    if image.mode not in ("LA", "PA", "RGBA", "RGBa", "La") and "transparency" not in image.info:
        return np.array(image.convert("RGB"))
    pixels = np.asarray(image.convert("RGBA"), np.float32)
    color, alpha = pixels[..., :3], pixels[..., 3:] / np.float32(255)
    return np.rint(color * alpha + 255 * (1 - alpha)).astype(np.uint8)


def sides(pictures: Sequence[Picture]) -> set[tuple[int, int]] | None:
    """(height, width) of all pictures; None where one of them is a file, which is not opened for it."""
    if any(isinstance(picture, Path) for picture in pictures):
        return None
    return {_side(picture) for picture in pictures if not isinstance(picture, Path)}


def _side(picture: np.ndarray | Image.Image) -> tuple[int, int]:
    height, width = picture.size[::-1] if isinstance(picture, Image.Image) else picture.shape[:2]
    return int(height), int(width)
