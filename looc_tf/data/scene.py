"""Draws one picture of `factors`: an object on a backdrop with clutter, lit from above.

Colors are mixed in linear light and chosen in OKLCH (B. Ottosson, 2020), where equal steps of hue look equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from looc_tf.data.shapes import SHAPES, distance

Array = np.ndarray
OBJECTS = tuple(SHAPES)
HUES = ("red", "orange", "olive", "green", "teal", "blue", "violet", "magenta")  # OKLCH 22.5 + 45 k degrees
TEXTURES = ("plain", "stripes", "dots", "checks", "waves", "marble")


@dataclass(frozen=True)
class Scene:
    """One picture: uint8 [size, size, 3] and the numbers of its classes in OBJECTS, HUES and TEXTURES."""

    image: Array
    label: int
    hue: int
    texture: int


def draw_scene(rng: np.random.Generator, size: int = 64) -> Scene:
    """A picture drawn from `rng` alone: the same generator state gives the same picture.

    Example:
        >>> draw_scene(np.random.default_rng(0)).image.shape
        (64, 64, 3)
    """
    label, hue, texture = (int(rng.integers(len(names))) for names in (OBJECTS, HUES, TEXTURES))
    axis = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / size * 2 - 1
    x, y = np.meshgrid(axis, axis)  # -1..1, y down
    light = np.deg2rad(-90 + rng.uniform(-LIGHT_JITTER, LIGHT_JITTER))  # where it comes from, in the picture's plane
    canvas = _backdrop(rng, x, y)
    for _ in range(int(rng.integers(*CLUTTER))):
        canvas = _clutter(rng, canvas, x, y, size)
    canvas = _object(rng, canvas, x, y, size, light, OBJECTS[label], hue, TEXTURES[texture])
    canvas = canvas * (1 + VIGNETTE * rng.uniform(-1, 1) * _ramp(rng, x, y)[..., None])
    canvas = _srgb(canvas) * 255 + rng.normal(0, rng.uniform(0.5, 4.0), (size, size, 3)).astype(np.float32)
    return Scene(np.clip(np.rint(canvas), 0, 255).astype(np.uint8), label, hue, texture)


LIGHT_JITTER = 30.0  # degrees either side of straight above
TILT = 50.0  # degrees of the object's pose either side of upright
CLUTTER = (1, 5)
VIGNETTE = 0.25


def oklch(lightness: float, chroma: float, degrees: float) -> Array:
    """float32 [3] linear sRGB of an OKLCH color, clipped to the gamut."""
    a, b = chroma * np.cos(np.deg2rad(degrees)), chroma * np.sin(np.deg2rad(degrees))
    l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3  # noqa: E741  (the paper's names)
    m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    rgb = np.array([
        4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
        -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    ])  # fmt: skip
    return np.clip(rgb, 0, 1).astype(np.float32)


def _srgb(linear: Array) -> Array:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** np.float32(1 / 2.4) - 0.055)


def _mix(below: Array, above: Array, cover: Array) -> Array:
    return below + (above - below) * cover[..., None]


def _ramp(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """-1..1 across the picture in a random direction."""
    angle = np.float32(rng.uniform(0, 2 * np.pi))
    return (x * np.cos(angle) + y * np.sin(angle)) / np.float32(1.42)


def _clouds(rng: np.random.Generator, x: Array, y: Array, frequency: float, octaves: int = 3) -> Array:
    """Smooth noise of about -1..1: sums of plane waves in random directions, so it has no grain and no axis."""
    total = np.zeros_like(x)
    for octave in range(octaves):
        angle, phase, other = rng.uniform(0, 2 * np.pi, 3)
        k = np.float32(frequency * 1.9**octave)
        warp = np.float32(1.3) * np.sin(np.float32(k * 0.7) * (y * np.cos(angle) - x * np.sin(angle)) + np.float32(other))
        total += np.sin(k * (x * np.cos(angle) + y * np.sin(angle)) + warp + np.float32(phase)) / np.float32(1.6**octave)
    return total / np.float32(1.8)


def _backdrop(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """Two colors blending in any direction, clouds, and in some pictures a ground below a soft horizon."""
    hue, lightness = rng.uniform(0, 360), rng.uniform(0.45, 0.85)
    first = oklch(lightness, rng.uniform(0.02, 0.12), hue)
    second = oklch(np.clip(lightness + rng.uniform(-0.22, 0.22), 0.3, 0.92), rng.uniform(0.02, 0.12), hue + rng.normal(0, 70))
    blend = np.clip(0.5 + 0.5 * _ramp(rng, x, y) * rng.uniform(0.5, 1.6) + rng.uniform(0.05, 0.3) * _clouds(rng, x, y, rng.uniform(1.5, 5)), 0, 1)
    canvas = _mix(first, second, blend.astype(np.float32))
    kind = rng.uniform()
    if kind < GROUND + EDGE:  # a ground; or, as a decoy, the same kind of border in any direction
        tilt = rng.normal(0, 0.12) if kind < GROUND else rng.uniform(0, 2 * np.pi)
        border = y * np.cos(tilt) + x * np.sin(tilt) - rng.uniform(-0.1, 0.7)
        ground = oklch(rng.uniform(0.4, 0.8), rng.uniform(0.02, 0.1), rng.uniform(0, 360))
        cover = rng.uniform(0.25, 0.8) / (1 + np.exp(-border / rng.uniform(0.02, 0.12)))
        canvas = _mix(canvas, ground, cover.astype(np.float32))
    return canvas


GROUND, EDGE = 0.5, 0.4


def _clutter(rng: np.random.Generator, canvas: Array, x: Array, y: Array, size: int) -> Array:
    """A disc, ring or bar somewhere, of any color, sharp or out of focus, graded in any direction."""
    cx, cy, radius = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0.08, 0.4)
    kind, angle = rng.integers(3), rng.uniform(0, np.pi)
    u, v = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle), (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
    if kind == 0:
        d = np.hypot(u, v) - radius
    elif kind == 1:
        d = np.abs(np.hypot(u, v) - radius) - radius * 0.3
    else:
        d = np.maximum(np.abs(u) - radius * 1.5, np.abs(v) - radius * 0.4)
    blur = rng.choice([1.0, 1.0, 4.0, 9.0]) * 2.0 / size
    cover = rng.uniform(0.3, 0.9) * np.clip(0.5 - d / blur, 0, 1)
    color = oklch(rng.uniform(0.35, 0.85), rng.uniform(0.02, 0.16), rng.uniform(0, 360))
    shade = 1 + rng.uniform(0, 0.6) * np.clip(_ramp(rng, x - cx, y - cy) / radius, -1, 1)
    return _mix(canvas, color * shade[..., None], cover.astype(np.float32))


def _object(rng, canvas, x, y, size, light, shape, hue, texture) -> Array:
    radius = rng.uniform(0.55, 0.8)
    cx, cy = rng.uniform(-0.22, 0.22, 2)
    tilt = np.deg2rad(rng.uniform(-TILT, TILT))
    flip = rng.choice([-1.0, 1.0])
    cos, sin = np.float32(np.cos(tilt) / radius), np.float32(np.sin(tilt) / radius)

    def local(px: Array, py: Array) -> tuple[Array, Array]:
        px, py = px - np.float32(cx), py - np.float32(cy)
        return (px * cos + py * sin) * np.float32(flip), py * cos - px * sin

    u, v = local(x, y)
    lx, ly = np.float32(np.cos(light)), np.float32(np.sin(light))
    throw = np.float32(rng.uniform(0.12, 0.3) * radius)
    shadow = distance(shape, *local(x + lx * throw, y + ly * throw))
    softness = rng.uniform(0.1, 0.35)
    canvas = canvas * (1 - rng.uniform(0.35, 0.7) / (1 + np.exp(np.clip(shadow / softness * 4, -30, 30))))[..., None]
    d = distance(shape, u, v)
    relief = _relief(d * np.float32(radius), size, lx, ly, rng.uniform(0.12, 0.3) * radius)
    color = oklch(rng.uniform(0.5, 0.78), rng.uniform(0.1, 0.17), 22.5 + 45 * hue + rng.uniform(-13, 13))
    mate = oklch(rng.uniform(0.25, 0.4), 0.06, 22.5 + 45 * hue) if rng.uniform() < 0.5 else oklch(0.9, 0.04, 22.5 + 45 * hue)
    albedo = _mix(color, mate, np.float32(rng.uniform(0.55, 0.95)) * _texture(rng, texture, u, v))
    lit = 0.78 + rng.uniform(0.4, 0.8) * relief
    cover = np.clip(0.5 - d * np.float32(radius * size / 2), 0, 1)
    return _mix(canvas, albedo * lit[..., None], cover)


def _relief(d: Array, size: int, lx: float, ly: float, bevel: float) -> Array:
    """-1..1: how far a rounded rim turns towards the light."""
    height = np.float32(bevel) * np.sqrt(np.clip(1 - np.square(1 - np.clip(-d / np.float32(bevel), 0, 1)), 0, 1))
    dy, dx = np.gradient(height, np.float32(2 / size))
    norm = np.sqrt(1 + dx * dx + dy * dy)
    return -(dx * lx + dy * ly) / norm


def _texture(rng: np.random.Generator, texture: str, u: Array, v: Array) -> Array:
    """0..1 float32: how much of the second color shows, in the object's own frame, at any angle and scale."""
    angle, scale = rng.uniform(0, 2 * np.pi), np.float32(rng.uniform(7, 12))
    p, q = (u * np.cos(angle) + v * np.sin(angle)) * scale, (v * np.cos(angle) - u * np.sin(angle)) * scale
    p, q = p.astype(np.float32), q.astype(np.float32)
    edge = np.float32(2.5)
    if texture == "plain":
        return np.zeros_like(p)
    if texture == "stripes":
        return np.clip(0.5 + edge * np.sin(p), 0, 1)
    if texture == "dots":
        return np.clip(0.5 + edge * (np.cos(p * np.float32(0.8)) + np.cos(q * np.float32(0.8)) - np.float32(1.0)), 0, 1)
    if texture == "checks":
        return np.clip(0.5 + edge * 1.6 * np.sin(p * np.float32(0.7)) * np.sin(q * np.float32(0.7)), 0, 1)
    if texture == "waves":
        return np.clip(0.5 + edge * np.sin(p + np.float32(1.6) * np.sin(q * np.float32(0.75))), 0, 1)
    return np.clip(0.5 + 1.2 * _clouds(rng, p, q, 0.5, 4), 0, 1)
