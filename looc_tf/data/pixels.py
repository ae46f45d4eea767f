"""The one rule of a data set by which raw intensities become the 8 bits in which its pictures are held."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from looc_tf.errors import UserError

Range = tuple[float, float]
RGB = 3
MANY = 4  # channels from which on each band has a range of its own
_EIGHT_BITS: tuple[Range, ...] = ((0.0, 255.0),)


@dataclass(frozen=True)
class Pixels:
    """Which bands of a picture are used, and which of their values become 0 and 255.

    The rule is found once (`survey.find`) or given in the config, recorded with the run, and is the same wherever its
    pictures are read: in training, evaluation, embedding, and in the graph of an exported model. NumPy and TensorFlow
    do the same float32 operations, so they give the same bits.

    Pictures of 8 bits keep their values, also among deeper ones, unless `kind` says that the rule is for them.

    Args:
        bands: those that are used, counted from 0, in this order; () for RGB, or grey that is repeated to it.
        ranges: lowest and highest value, one pair for all channels or one for each; () where 8 bits stay as they are.
        missing: values that stand for "no data"; they become 0, as do NaN and infinite ones.
        kind: the type of the raw values, by NumPy's name.

    Example:
        >>> xrays = Pixels(ranges=((0, 4095),), kind="uint16")
        >>> xrays.eight_bits(np.array([[[0], [2048], [4095]]], np.uint16))[0].tolist()
        [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    """

    bands: tuple[int, ...] = ()
    ranges: tuple[Range, ...] = ()
    missing: tuple[float, ...] = ()
    kind: str = "uint8"

    @property
    def plain(self) -> bool:
        """Whether there is nothing to do: 8-bit grey, RGB or RGBA, as it is."""
        return not self.bands and not self.ranges

    @property
    def channels(self) -> int:
        """Of the pictures that come of it."""
        return len(self.bands) or RGB

    def record(self) -> dict[str, Any]:
        """The rule as plain values, for JSON; `recorded` reads them back."""
        ranges = [list(pair) for pair in self.ranges]
        return {"bands": list(self.bands), "ranges": ranges, "missing": list(self.missing), "kind": self.kind}

    @classmethod
    def recorded(cls, content: Mapping[str, Any] | None) -> Pixels:
        """The inverse of `record`; the plain rule where nothing was recorded, as in earlier versions."""
        try:
            content = dict(content or {})
            return cls(
                tuple(int(band) for band in content.get("bands", ())),
                tuple((float(low), float(high)) for low, high in content.get("ranges", ())),
                tuple(float(value) for value in content.get("missing", ())),
                str(content.get("kind", "uint8")),
            )
        except (TypeError, ValueError) as error:
            raise UserError(f"Expected `pixels` as looc records it. Received {content!r}. Restore the file.") from error

    def eight_bits(self, raw: np.ndarray) -> np.ndarray:
        """Raw intensities [H, W, bands] of any type, or [H, W], -> uint8 [H, W, channels].

        Raises:
            ValueError: they have not the bands that are to be used.
        """
        values = self.scaled(self.pick(raw if raw.ndim == 3 else raw[..., None]))
        return values if self.bands or values.shape[-1] == RGB else np.repeat(values, RGB, axis=-1)

    def pick(self, raw: np.ndarray) -> np.ndarray:
        """The bands that are used, [H, W, bands] -> [H, W, C]; grey stays one band."""
        count = raw.shape[-1]
        if not self.bands and count in (1, RGB):
            return raw
        if not self.bands or max(self.bands) >= count:
            raise ValueError(wanted(count, self.bands))
        return raw[..., list(self.bands)]

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Intensities [..., C] -> uint8 [..., C]; those of 8 bits as they are where the rule is for deeper ones."""
        if self._keeps(values.dtype.name):
            return values
        low, scale = self._numbers()
        with np.errstate(all="ignore"):
            values = values.astype(np.float32)
            found = np.rint(np.clip((values - low) * scale, np.float32(0), np.float32(255)))
            known = np.isfinite(values)
            for value in self.missing:
                known &= values != np.float32(value)
            return np.where(known, found, np.float32(0)).astype(np.uint8)

    def graph(self, values: tf.Tensor, kind: str | None = None) -> tf.Tensor:
        """`eight_bits` as TensorFlow operations: [..., bands] -> uint8 [..., channels].

        Args:
            values: of any type; float32 in the units of the files.
            kind: the type that they had in the file, by default their own.
        """
        if self.bands:
            count = tf.shape(values)[-1]
            enough = tf.debugging.Assert(count > max(self.bands), [f"Expected bands {list(self.bands)}. Bands:", count])
            with tf.control_dependencies([enough] if enough is not None else []):
                values = tf.gather(values, list(self.bands), axis=-1)
        if not self._keeps(kind or values.dtype.name):
            values = self._scaled_graph(tf.cast(values, tf.float32))
        if self.bands:
            return values
        repeats = tf.where(tf.shape(values)[-1] == 1, RGB, 1)
        values = tf.repeat(values, repeats, axis=-1)
        return tf.ensure_shape(values, [*values.shape[:-1], RGB])

    def _scaled_graph(self, values: tf.Tensor) -> tf.Tensor:
        low, scale = self._numbers()
        found = tf.round(tf.clip_by_value((values - low) * scale, 0.0, 255.0))
        known = tf.math.is_finite(values)
        for value in self.missing:
            known &= tf.not_equal(values, np.float32(value))
        return tf.cast(tf.where(known, found, tf.zeros_like(found)), tf.uint8)

    def _keeps(self, kind: str) -> bool:
        """Whether values of a type stay as they are."""
        return kind == "uint8" and (self.kind != "uint8" or not self.ranges)

    def _numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """float32 [1 or C]: what is subtracted, and by what is multiplied then. No division: graphs rewrite it."""
        pairs = np.array(self.ranges or _EIGHT_BITS, np.float32)
        width = pairs[:, 1].astype(np.float64) - pairs[:, 0]
        with np.errstate(divide="ignore", over="ignore"):
            scale = (255.0 / width).astype(np.float32)
        return pairs[:, 0], np.where((width > 0) & np.isfinite(scale), scale, np.float32(0))


PLAIN = Pixels()


def stacked_png(picture: np.ndarray) -> bytes:
    """PNG of uint8 [H, W, C], the channels one below the other: what a model of several named bands takes for one."""
    return png(np.ascontiguousarray(picture.transpose(2, 0, 1)).reshape(-1, picture.shape[1]))


def png(picture: np.ndarray) -> bytes:
    """PNG of uint8 [H, W], [H, W, 3] or [H, W, 4]."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=1)
    return out.getvalue()


def wanted(count: int, bands: Sequence[int] = ()) -> str:
    """What to say of a picture of so many bands, of which none, or ones that it has not, are named."""
    last = f"[0, ..., {count - 1}]" if count > MANY else str(list(range(count)))
    if bands:
        return f"{count} bands; data.bands={list(bands)} counts them from 0, up to {count - 1}"
    some = "[3, 2, 1]" if count > RGB else "[0]"
    return f"{count} bands; name those to use: data.bands={some}, or all: data.bands={last}"
