"""Draws one picture of `factors`: an object on a backdrop with clutter, lit from above.

Colors are mixed in linear light and chosen in OKLCH (B. Ottosson, "A perceptual color space for image processing",
2020), where equal steps of hue look equal. Angles of the picture's plane are measured from right to down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from looc_tf.data.shapes import SHAPES, distance

Array = np.ndarray
Generator = np.random.Generator

OBJECTS = tuple(SHAPES)
HUES = ("red", "orange", "olive", "green", "teal", "blue", "violet", "magenta")  # OKLCH 22.5 + 45 k degrees
TEXTURES = ("plain", "stripes", "dots", "checks", "waves", "marble")

# What keeps the probes honest. The pose alone does not tell which way is up, since tilts of neighbouring quarter turns
# overlap; the light does. Backdrop and clutter have hues of their own, and decoy borders run in all directions.
LIGHT_JITTER = 25.0  # degrees either side of straight above
TILT = 20.0  # degrees of the object's pose either side of upright
HUE_JITTER = 13.0  # degrees either side of the family's middle; families are 45 apart
CLUTTER = (1, 5)  # pieces, from and below
GROUND, DECOY = 0.5, 0.4  # share of pictures with a ground, and with a border in any direction


@dataclass(frozen=True)
class Scene:
    """One picture: uint8 [size, size, 3] and the numbers of its classes in OBJECTS, HUES and TEXTURES."""

    image: Array
    label: int
    hue: int
    texture: int


def draw_scene(rng: Generator, size: int = 64) -> Scene:
    """A picture drawn from `rng` alone: the same generator state gives the same picture.

    Example:
        >>> draw_scene(np.random.default_rng(0)).image.shape
        (64, 64, 3)
    """
    label, hue, texture = (int(rng.integers(len(names))) for names in (OBJECTS, HUES, TEXTURES))
    axis = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / size * 2 - 1
    x, y = np.meshgrid(axis, axis)  # -1..1, y down
    light = np.deg2rad(-90 + rng.uniform(-LIGHT_JITTER, LIGHT_JITTER))
    canvas = _backdrop(rng, x, y)
    for _ in range(int(rng.integers(*CLUTTER))):
        canvas = _clutter(rng, canvas, x, y)
    canvas = _object(rng, canvas, x, y, light, OBJECTS[label], hue, TEXTURES[texture])
    canvas = canvas * (1 + 0.25 * rng.uniform(-1, 1) * _ramp(rng, x, y)[..., None])
    canvas = _srgb(canvas) * 255 + rng.normal(0, rng.uniform(0.5, 4.0), (size, size, 3)).astype(np.float32)
    return Scene(np.clip(np.rint(canvas), 0, 255).astype(np.uint8), label, hue, texture)


def oklch(lightness: float, chroma: float, degrees: float) -> Array:
    """float32 [3] linear sRGB of an OKLCH color, clipped to the gamut."""
    a, b = chroma * np.cos(np.deg2rad(degrees)), chroma * np.sin(np.deg2rad(degrees))
    l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3  # noqa: E741  (the source's names)
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


def _ramp(rng: Generator, x: Array, y: Array) -> Array:
    """-1..1 across the picture in a random direction."""
    angle = np.float32(rng.uniform(0, 2 * np.pi))
    return (x * np.cos(angle) + y * np.sin(angle)) / np.float32(1.42)


def _clouds(rng: Generator, x: Array, y: Array, frequency: float, octaves: int = 3) -> Array:
    """Smooth noise of about -1..1: warped plane waves in random directions, so that it has no axis of its own."""
    total = np.zeros_like(x)
    for octave in range(octaves):
        angle, phase, other = rng.uniform(0, 2 * np.pi, 3)
        k = np.float32(frequency * 1.9**octave)
        across = np.float32(k * 0.7) * (y * np.cos(angle) - x * np.sin(angle))
        warp = np.float32(1.3) * np.sin(across + np.float32(other))
        total += np.sin(k * (x * np.cos(angle) + y * np.sin(angle)) + warp + np.float32(phase)) / np.float32(
            1.6**octave
        )
    return total / np.float32(1.8)


def _backdrop(rng: Generator, x: Array, y: Array) -> Array:
    """Two colors blending in any direction, clouds, and a ground below a soft horizon or a decoy of one."""
    hue, lightness = rng.uniform(0, 360), rng.uniform(0.45, 0.85)
    first = oklch(lightness, rng.uniform(0.01, 0.06), hue)
    lightness = np.clip(lightness + rng.uniform(-0.22, 0.22), 0.3, 0.92)
    second = oklch(lightness, rng.uniform(0.01, 0.06), hue + rng.normal(0, 70))
    blend = 0.5 + 0.5 * _ramp(rng, x, y) * rng.uniform(0.5, 1.6)
    blend = blend + rng.uniform(0.05, 0.3) * _clouds(rng, x, y, rng.uniform(1.5, 5))
    canvas = _mix(first, second, np.clip(blend, 0, 1).astype(np.float32))
    kind = rng.uniform()
    if kind >= GROUND + DECOY:
        return canvas
    slope = rng.normal(0, 0.12) if kind < GROUND else rng.uniform(0, 2 * np.pi)
    border = y * np.cos(slope) + x * np.sin(slope) - rng.uniform(-0.1, 0.7)
    ground = oklch(rng.uniform(0.4, 0.8), rng.uniform(0.01, 0.06), rng.uniform(0, 360))
    cover = rng.uniform(0.25, 0.8) * _step(border / rng.uniform(0.02, 0.12))
    return _mix(canvas, ground, cover.astype(np.float32))


def _step(x: Array) -> Array:
    """The logistic function, without overflow."""
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


def _clutter(rng: Generator, canvas: Array, x: Array, y: Array) -> Array:
    """A disc, ring or bar somewhere, of any color, sharp or out of focus, graded in any direction."""
    cx, cy, radius = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0.08, 0.4)
    kind, angle = rng.integers(3), rng.uniform(0, np.pi)
    u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    v = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
    if kind == 0:
        d = np.hypot(u, v) - radius
    elif kind == 1:
        d = np.abs(np.hypot(u, v) - radius) - radius * 0.3
    else:
        d = np.maximum(np.abs(u) - radius * 1.5, np.abs(v) - radius * 0.4)
    blur = rng.choice([1.0, 1.0, 4.0, 9.0]) * 2.0 / x.shape[1]
    cover = rng.uniform(0.3, 0.9) * np.clip(0.5 - d / blur, 0, 1)
    color = oklch(rng.uniform(0.35, 0.85), rng.uniform(0.01, 0.06), rng.uniform(0, 360))
    shade = 1 + rng.uniform(0, 0.6) * np.clip(_ramp(rng, x - cx, y - cy) / radius, -1, 1)
    return _mix(canvas, color * shade[..., None], cover.astype(np.float32))


def _object(
    rng: Generator, canvas: Array, x: Array, y: Array, light: float, shape: str, hue: int, texture: str
) -> Array:
    """The object and the shadow that it throws away from the light."""
    radius = rng.uniform(0.55, 0.8)
    cx, cy = rng.uniform(-0.22, 0.22, 2)
    tilt = np.deg2rad(rng.uniform(-TILT, TILT))
    mirror = np.float32(rng.choice([-1.0, 1.0]))
    cos, sin = np.float32(np.cos(tilt) / radius), np.float32(np.sin(tilt) / radius)

    def local(px: Array, py: Array) -> tuple[Array, Array]:
        px, py = px - np.float32(cx), py - np.float32(cy)
        return (px * cos + py * sin) * mirror, py * cos - px * sin

    lx, ly = np.float32(np.cos(light)), np.float32(np.sin(light))
    throw = np.float32(rng.uniform(0.12, 0.3) * radius)
    shadow = distance(shape, *local(x + lx * throw, y + ly * throw))
    softness = rng.uniform(0.1, 0.35)
    canvas = canvas * (1 - rng.uniform(0.35, 0.7) * _step(-shadow / softness * 4))[..., None]
    u, v = local(x, y)
    d = distance(shape, u, v) * np.float32(radius)
    relief = _relief(d, lx, ly, rng.uniform(0.12, 0.3) * radius)
    middle = 22.5 + 45 * hue
    color = oklch(rng.uniform(0.5, 0.78), rng.uniform(0.1, 0.17), middle + rng.uniform(-HUE_JITTER, HUE_JITTER))
    mate = oklch(0.9, 0.04, middle) if rng.uniform() >= 0.5 else oklch(rng.uniform(0.25, 0.4), 0.06, middle)
    albedo = _mix(color, mate, np.float32(rng.uniform(0.55, 0.95)) * _texture(rng, texture, u, v))
    lit = 0.78 + rng.uniform(0.4, 0.8) * relief
    return _mix(canvas, albedo * lit[..., None], np.clip(0.5 - d * np.float32(x.shape[1] / 2), 0, 1))


def _relief(d: Array, lx: np.float32, ly: np.float32, bevel: float) -> Array:
    """-1..1: how far a rim that is rounded over `bevel` turns towards the light."""
    rise = 1 - np.clip(-d / np.float32(bevel), 0, 1)
    height = np.float32(bevel) * np.sqrt(np.clip(1 - np.square(rise), 0, 1))
    dy, dx = np.gradient(height, np.float32(2 / d.shape[1]))
    return -(dx * lx + dy * ly) / np.sqrt(1 + dx * dx + dy * dy)


def _texture(rng: Generator, texture: str, u: Array, v: Array) -> Array:
    """0..1: how much of the second color shows, in the object's own frame, at any angle and scale."""
    angle, scale = rng.uniform(0, 2 * np.pi), np.float32(rng.uniform(7, 12))
    p = ((u * np.cos(angle) + v * np.sin(angle)) * scale).astype(np.float32)
    q = ((v * np.cos(angle) - u * np.sin(angle)) * scale).astype(np.float32)
    edge = np.float32(2.5)
    if texture == "plain":
        return np.zeros_like(p)
    if texture == "stripes":
        wave = edge * np.sin(p)
    elif texture == "dots":
        wave = edge * (np.cos(p * np.float32(0.8)) + np.cos(q * np.float32(0.8)) - np.float32(1.0))
    elif texture == "checks":
        wave = edge * 1.6 * np.sin(p * np.float32(0.7)) * np.sin(q * np.float32(0.7))
    elif texture == "waves":
        wave = edge * np.sin(p + np.float32(1.6) * np.sin(q * np.float32(0.75)))
    else:
        wave = 1.2 * _clouds(rng, p, q, 0.5, 4)
    return np.clip(0.5 + wave, 0, 1)
