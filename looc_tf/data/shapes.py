"""The objects of `factors`: twelve shapes without rotational symmetry, as signed distances.

A signed distance is negative inside; unions are minima, cuts maxima (after I. Quilez, "2D distance functions", 2020).
Antialiased edges, soft shadows and a relief to shade all come from the same numbers. x points right, y down, and a
shape about fits the unit circle.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

Array = np.ndarray
GRID = 129  # samples across a cached shape
REACH = 1.6  # half the side of the cached square, in units of the shape


def circle(x: Array, y: Array, cx: float, cy: float, radius: float) -> Array:
    return np.hypot(x - cx, y - cy) - radius


def box(x: Array, y: Array, cx: float, cy: float, half_width: float, half_height: float, corner: float = 0.0) -> Array:
    dx, dy = np.abs(x - cx) - half_width + corner, np.abs(y - cy) - half_height + corner
    return np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0) - corner


def capsule(x: Array, y: Array, ax: float, ay: float, bx: float, by: float, radius: float) -> Array:
    """A thick line with round ends from (ax, ay) to (bx, by)."""
    dx, dy = bx - ax, by - ay
    along = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(x - ax - along * dx, y - ay - along * dy) - radius


def polygon(x: Array, y: Array, points: list[tuple[float, float]], corner: float = 0.0) -> Array:
    """A simple polygon; `corner` rounds it outwards."""
    distance, inside = np.full(x.shape, np.inf), np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1]):
        distance = np.minimum(distance, capsule(x, y, ax, ay, bx, by, 0.0))
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) / (by - ay) * (bx - ax))
    return np.where(inside, -distance, distance) - corner


def ellipse(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    """Exact on the outline, first order around it."""
    u, v = (x - cx) / rx, (y - cy) / ry
    scale = np.hypot(u, v)
    return scale * (scale - 1.0) / np.maximum(np.hypot(u / rx, v / ry), 1e-6)


def arrow(x: Array, y: Array) -> Array:
    head = polygon(x, y, [(0, -0.88), (0.62, -0.1), (-0.62, -0.1)], 0.08)
    return np.minimum(head, box(x, y, 0, 0.4, 0.26, 0.56, 0.1))


def bell(x: Array, y: Array) -> Array:
    dome = np.minimum(
        ellipse(x, y, 0, -0.22, 0.52, 0.62), polygon(x, y, [(-0.5, -0.2), (0.5, -0.2), (0.72, 0.5), (-0.72, 0.5)], 0.06)
    )
    return np.minimum(dome, circle(x, y, 0, 0.68, 0.22))


def crescent(x: Array, y: Array) -> Array:
    return np.maximum(circle(x, y, 0, 0, 0.95), -circle(x, y, 0.42, -0.1, 0.72))


def drop(x: Array, y: Array) -> Array:
    return np.minimum(circle(x, y, 0, 0.36, 0.58), polygon(x, y, [(0, -0.95), (0.5, 0.08), (-0.5, 0.08)], 0.05))


def fish(x: Array, y: Array) -> Array:
    tail = polygon(x, y, [(0.4, 0), (0.92, -0.46), (0.92, 0.46)], 0.06)
    fin = polygon(x, y, [(-0.3, -0.3), (0.2, -0.66), (0.25, -0.25)], 0.05)
    return np.minimum(np.minimum(ellipse(x, y, -0.22, 0, 0.74, 0.46), tail), fin)


def heart(x: Array, y: Array) -> Array:
    lobes = np.minimum(circle(x, y, -0.42, -0.3, 0.46), circle(x, y, 0.42, -0.3, 0.46))
    return np.minimum(lobes, polygon(x, y, [(-0.8, -0.08), (0, -0.45), (0.8, -0.08), (0, 0.86)], 0.04))


def house(x: Array, y: Array) -> Array:
    roof = polygon(x, y, [(0, -0.86), (0.84, -0.1), (-0.84, -0.1)], 0.05)
    walls, chimney = box(x, y, 0, 0.35, 0.6, 0.5, 0.05), box(x, y, 0.5, -0.55, 0.14, 0.32, 0.04)
    door = box(x, y, -0.15, 0.62, 0.16, 0.3, 0.02)
    return np.maximum(np.minimum(np.minimum(roof, walls), chimney), -door)


def key(x: Array, y: Array) -> Array:
    ring = np.abs(circle(x, y, 0, -0.52, 0.3)) - 0.14
    teeth = np.minimum(box(x, y, 0.24, 0.42, 0.2, 0.1, 0.04), box(x, y, 0.24, 0.76, 0.24, 0.1, 0.04))
    return np.minimum(np.minimum(ring, box(x, y, 0, 0.36, 0.13, 0.58, 0.05)), teeth)


def mug(x: Array, y: Array) -> Array:
    handle = np.abs(ellipse(x, y, 0.46, 0.02, 0.34, 0.36)) - 0.1
    return np.minimum(box(x, y, -0.18, 0.02, 0.54, 0.74, 0.16), handle)


def mushroom(x: Array, y: Array) -> Array:
    cap = np.maximum(ellipse(x, y, 0, 0.0, 0.92, 0.84), y - 0.05)
    return np.minimum(cap, box(x, y, 0, 0.4, 0.28, 0.5, 0.14))


def sailboat(x: Array, y: Array) -> Array:
    hull = polygon(x, y, [(-0.88, 0.4), (0.88, 0.4), (0.5, 0.8), (-0.55, 0.8)], 0.06)
    sail = polygon(x, y, [(0.02, -0.9), (0.74, 0.18), (0.02, 0.18)], 0.04)
    jib = polygon(x, y, [(-0.16, -0.55), (-0.16, 0.18), (-0.66, 0.18)], 0.04)
    return np.minimum(np.minimum(hull, sail), np.minimum(jib, box(x, y, 0, 0.2, 0.05, 0.3)))


def tree(x: Array, y: Array) -> Array:
    top = polygon(x, y, [(0, -0.92), (0.46, -0.3), (-0.46, -0.3)], 0.05)
    middle = polygon(x, y, [(0, -0.6), (0.66, 0.2), (-0.66, 0.2)], 0.05)
    skirt = polygon(x, y, [(0, -0.2), (0.82, 0.62), (-0.82, 0.62)], 0.05)
    return np.minimum(np.minimum(top, middle), np.minimum(skirt, box(x, y, 0, 0.8, 0.15, 0.2, 0.03)))


SHAPES: dict[str, Callable[[Array, Array], Array]] = {
    shape.__name__: shape
    for shape in (arrow, bell, crescent, drop, fish, heart, house, key, mug, mushroom, sailboat, tree)
}


@cache
def _grid(name: str) -> Array:
    """float32 [GRID, GRID] true distances of a shape.

    Unions and cuts above have the right outline and sign but not the right distance away from it, which would show as
    creases in the relief and rings in the shadow. So the outline is sampled and the nearest sample measured.
    """
    axis = np.linspace(-REACH, REACH, GRID)
    x, y = np.meshgrid(axis, axis)
    rough = SHAPES[name](x, y)
    outline = np.concatenate([_crossings(rough, x, y), _crossings(rough.T, x.T, y.T)]).astype(np.float32)
    points = np.stack([x.ravel(), y.ravel()], 1).astype(np.float32)
    nearest = [np.min(np.square(part[:, None] - outline).sum(2), axis=1) for part in np.array_split(points, 64)]
    return np.copysign(np.sqrt(np.concatenate(nearest)).reshape(GRID, GRID), rough).astype(np.float32)


def _crossings(rough: Array, x: Array, y: Array) -> Array:
    """[N, 2] points between neighbours in a row at which the sign changes."""
    row, column = np.nonzero((rough[:, :-1] < 0) != (rough[:, 1:] < 0))
    left, right = rough[row, column], rough[row, column + 1]
    part = left / (left - right)
    ends = (np.stack([axis[row, column + step] for axis in (x, y)], 1) for step in (0, 1))
    start, end = ends
    return start + part[:, None] * (end - start)


def distance(name: str, x: Array, y: Array) -> Array:
    """float32 signed distance of a shape at any points, interpolated from a cached grid."""
    grid, scale = _grid(name), np.float32((GRID - 1) / (2 * REACH))
    column = np.clip((x + np.float32(REACH)) * scale, 0, GRID - 1.001)
    row = np.clip((y + np.float32(REACH)) * scale, 0, GRID - 1.001)
    i, j = row.astype(np.int32), column.astype(np.int32)
    v, u = row - i, column - j
    flat, at = grid.ravel(), i * GRID + j
    upper = flat[at] * (1 - u) + flat[at + 1] * u
    lower = flat[at + GRID] * (1 - u) + flat[at + GRID + 1] * u
    beyond = np.maximum(np.maximum(np.abs(x), np.abs(y)) - np.float32(REACH), 0)  # distances go on growing off the grid
    return upper * (1 - v) + lower * v + beyond
