"""Finds the one rule of a data set: looks at a sample of its pictures, the same wherever it is drawn."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional, Union

import numpy as np

from looc_tf.data import tiff
from looc_tf.data.decode import MAX_PIXELS
from looc_tf.data.pixels import MANY, RGB, Pixels, Range, wanted
from looc_tf.data.raw import ALPHA, Raw, opacity, read_raw
from looc_tf.data.splits import assign, sample
from looc_tf.data.table import Table
from looc_tf.errors import UserError

SAMPLE = 64  # pictures that are looked at
VALUES = 1 << 16  # numbers that are kept of each band of a picture
TAIL = 0.001  # share of the values at either end that may be stray ones: hot pixels, dust
REACH = 0.25  # of the spread of all others: how far beyond them an extreme still belongs to the picture
KINDS = 16  # different values that must be left for a frequent extreme to stand for "no data"
NAMED = 4  # bands whose range a line says; the record holds all
FULL = (0.0, 255.0)

Given = Optional[Sequence[Union[float, Sequence[float]]]]
Remark = tuple[int, str]  # level of logging, a line for people


@dataclass
class _Seen:
    """What the sample held."""

    pictures: int = 0
    ordinary: int = 0  # of 8 bits
    deep: list[Raw] = field(default_factory=list)  # thinned
    pages: int = 0
    unspecified: int = 0
    alpha: list[bool] = field(default_factory=list)  # of each TIFF with alpha: whether it looks like a picture
    unnamed: dict[int, int] = field(default_factory=dict)  # bands -> pictures whose bands must be named


def find(
    table: Table, name: str, bands: Optional[Sequence[int]] = None, given: Given = None, whole: bool = False
) -> tuple[Pixels, tuple[Remark, ...]]:
    """The rule of a data set, and what is to be said of it.

    Args:
        table: all of its pictures; the training part is looked at.
        name: what the set is called.
        bands: those that are used, from 0; None for RGB or grey.
        given: a pair (low, high), or one for each channel; None: it is found from the values.
        whole: look at all of the pictures, which are one part already.

    Raises:
        UserError: the pictures have bands that must be named, or have not those that are.
    """
    if table.pixels is not None:
        return table.pixels, ()
    chosen = tuple(bands or ())
    seen = _look(table, bool(chosen), whole)
    if not chosen and sum(seen.unnamed.values()) * 2 > max(1, seen.pictures):
        raise UserError(f"The pictures of {name!r} have {wanted(max(seen.unnamed, key=seen.unnamed.__getitem__))}.")
    pairs = ranges_of(given)
    deep = [raw for raw in seen.deep if raw.values.dtype != np.uint8]
    if not deep:
        rule = Pixels(chosen, pairs)
        return rule, tuple(_said(rule, seen, bool(pairs)))
    picked = _channels(deep, chosen, name)
    kind = _common([raw.values.dtype for raw in deep])
    found, missing = (pairs, ()) if pairs else _ranges(picked, deep)
    rule = Pixels(chosen, found, missing, kind)
    return rule, tuple(_said(rule, seen, bool(pairs), _unknown(picked, rule), len(deep)))


def enlarged(table: Table, size: int) -> tuple[Remark, ...]:
    """What is to be said where pictures that were packed as smaller squares are held larger."""
    if table.held is None or table.held >= size:
        return ()
    line = f"The pictures were packed at {table.held} px and are enlarged to data.size={size}. Pack them at {size}."
    return ((logging.WARNING, line),)


def ranges_of(given: Given) -> tuple[Range, ...]:
    """`data.range` as pairs: one for all channels, or one for each."""
    if not given:
        return ()
    pairs: Any = given if isinstance(given[0], (list, tuple)) else [given]
    return tuple((float(low), float(high)) for low, high in pairs)


def _look(table: Table, named: bool, whole: bool = False) -> _Seen:
    rows = np.flatnonzero(assign(table) == "train") if not whole else np.arange(0)
    rows = rows if len(rows) else np.arange(len(table))
    seen = _Seen()
    for row in rows[sample(table.ids[rows], SAMPLE)]:
        try:
            _note(seen, table.picture(int(row)), named)
        except Exception:  # a broken picture, whatever Pillow is led into: it is named when all are decoded
            continue
    return seen


def _note(seen: _Seen, data: Union[bytes, np.ndarray], named: bool) -> None:
    raw = read_raw(data, MAX_PIXELS, named) if isinstance(data, bytes) else Raw(np.atleast_3d(data))
    seen.pictures += 1
    if isinstance(data, bytes) and data.startswith(tiff.MARKS):
        page = tiff.read_page(data)
        seen.pages += page.more
        if page.shape[2] == 4 and not named and page.value(tiff.PHOTOMETRIC) in (1, 2):
            seen.unspecified += page.extra in (None, 0)
            if page.extra in tiff.ALPHA:
                whole = raw or Raw(tiff.read_values(page, MAX_PIXELS), ALPHA)
                seen.alpha.append(_like_a_picture(opacity(whole.values[..., 3])))
    if raw is None:
        seen.ordinary += 1
        return
    count = raw.values.shape[-1]
    if count > 4 or (count == 2 and raw.last != ALPHA):
        seen.unnamed[count] = seen.unnamed.get(count, 0) + 1
    seen.ordinary += raw.values.dtype == np.uint8
    step = max(1, int(np.sqrt(raw.values.shape[0] * raw.values.shape[1] / VALUES)))
    seen.deep.append(Raw(raw.values[::step, ::step].copy(), raw.last, raw.missing))


def _like_a_picture(alpha: np.ndarray) -> bool:
    """Whether alpha is rather a band: the picture would vanish under it, or it is neither open nor shut mostly."""
    between = np.mean((alpha > 0) & (alpha < 255))
    return bool(alpha.mean() < 64 or (len(np.unique(alpha)) > 2 * KINDS and between > 0.5))


def _channels(deep: list[Raw], bands: tuple[int, ...], name: str) -> list[np.ndarray]:
    """Of each picture the values [N, C] that are used; one column where all channels share a range."""
    picked = []
    for raw in deep:
        count = raw.values.shape[-1]
        if bands and max(bands) >= count:
            continue
        values = raw.values[..., list(bands)] if bands else raw.values[..., : count - (count in (2, 4))]
        picked.append(values.reshape(-1, len(bands) if len(bands) >= MANY else 1))
    if not picked:
        raise UserError(f"The pictures of {name!r} have {wanted(deep[0].values.shape[-1], bands)}.")
    return picked


def _common(kinds: list[np.dtype]) -> str:
    """The commonest type, by NumPy's name."""
    names = sorted(kind.name for kind in kinds)
    return max(names, key=names.count)


def _ranges(picked: list[np.ndarray], deep: list[Raw]) -> tuple[tuple[Range, ...], tuple[float, ...]]:
    """A range for each column, and the values that stand for "no data" in any."""
    declared = {value for raw in deep for value in raw.missing}
    found, missing = [], set(declared)
    for column in range(picked[0].shape[1]):
        values = np.concatenate([each[:, column].astype(np.float64) for each in picked])
        values = values[np.isfinite(values) & ~np.isin(values, list(declared))]
        pair, stray = robust_range(values)
        found.append(pair)
        missing |= set(stray)
    return tuple(found), tuple(sorted(missing))


def robust_range(values: np.ndarray) -> tuple[Range, tuple[float, ...]]:
    """Lowest and highest value but for stray ones, and those values that stand for "no data".

    A value at an end that is frequent, and far from all others, is no measurement. One that is rare and far (a hot
    pixel) is left out of the range only.

    >>> robust_range(np.array([65535.0] + [-9999.0] * 50 + list(range(4096)) * 2))
    ((0.0, 4095.0), (-9999.0,))
    """
    missing: list[float] = []
    while len(values):
        stray = next((end for end in (values.min(), values.max()) if _no_data(values, end)), None)
        if stray is None:
            break
        missing.append(float(stray))
        values = values[values != stray]
    if not len(values):
        return (0.0, 1.0), ()
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    reach = REACH * (high - low)
    near = values[(values >= low - reach) & (values <= high + reach)] if reach > 0 else values
    return (float(near.min()), float(near.max())), tuple(sorted(missing))


def _no_data(values: np.ndarray, end: float) -> bool:
    rest = values[values != end]
    if len(values) - len(rest) < TAIL * len(values) or len(rest) < KINDS or len(np.unique(rest)) < KINDS:
        return False
    low, high = np.quantile(rest, [TAIL, 1 - TAIL])
    return bool(max(low - end, end - high) > REACH * (high - low))


def _unknown(picked: list[np.ndarray], rule: Pixels) -> int:
    """How many pictures of the sample hold values that are none."""
    missing = list(rule.missing)
    return sum(bool((~np.isfinite(v) | np.isin(v, missing)).any()) for v in (p.astype(np.float64) for p in picked))


def _said(rule: Pixels, seen: _Seen, given: bool, unknown: int = 0, deep: int = 0) -> Iterator[Remark]:
    """The lines for people."""
    if not rule.plain:
        yield logging.INFO, _line(rule, seen, given, unknown, deep)
    if seen.unspecified and not rule.bands:
        use = "their 4th is dropped; to use it: data.bands=[0, 1, 2, 3]"
        yield logging.INFO, f"pixels: {seen.unspecified} of {seen.pictures} pictures have 4 bands; {use}"
    if seen.pages:
        yield logging.INFO, f"pixels: {seen.pages} of {seen.pictures} pictures have more pages; the first is read"
    if seen.alpha and sum(seen.alpha) * 2 > len(seen.alpha):
        text = "declare a 4th band as alpha that looks like a picture, and are laid over white by it"
        use = "to leave it out: data.bands=[0, 1, 2]; to use it: data.bands=[0, 1, 2, 3]"
        yield logging.WARNING, f"pixels: {sum(seen.alpha)} of {seen.pictures} pictures {text}; {use}"


def _line(rule: Pixels, seen: _Seen, given: bool, unknown: int, deep: int) -> str:
    """Such as `pixels: uint16, 0 to 4095 of 64 pictures -> 0 to 255`."""
    parts = [f"pixels: {rule.kind}"]
    spans = [f"{low:.6g} to {high:.6g}" for low, high in rule.ranges or (FULL,)]
    if len(spans) > 1:
        named = [f"band {band}: {span}" for band, span in zip(rule.bands or range(RGB), spans)]
        spans = named if len(named) <= NAMED else [*named[:NAMED], f"and {len(named) - NAMED} more"]
    elif rule.bands:
        parts.append(f"bands {list(rule.bands)}")
    where = "as data.range says" if given else f"of {deep or seen.pictures} pictures"
    text = f"{', '.join([*parts, *spans])} {where} -> 0 to 255"
    if rule.missing:
        text += f"; no data: {', '.join(f'{value:.6g}' for value in rule.missing)}"
    if unknown:
        text += f"; {unknown} of {deep} pictures have pixels without a value, which become 0"
    if deep and seen.ordinary:
        text += f"; {seen.ordinary} pictures of 8 bits keep 0 to 255"
    return text


def find_of_one(data: bytes, name: str, bands: Optional[Sequence[int]], given: Given) -> tuple[Pixels, tuple]:
    """The rule of a single picture, where no data set is at hand."""
    ids = np.array([name], object)
    table = Table(ids, np.array(["train"]), {"label": np.array([-1])}, {}, lambda row: data)
    return find(table, name, bands, given)
