"""Pictures cut into patches, which lie side by side in the view: as a puzzle, and as a grid.

A view stays one picture, so that it is drawn, dealt out and counted like any other; `cut_up` gives its patches.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters, unit_range, whole
from looc_tf.augment.color import Color
from looc_tf.errors import UserError, shown

MOST = 9  # patches of which the orders can be gone through


def cut_up(images: tf.Tensor, across: int) -> tf.Tensor:
    """`[B, n p, n p, C]`, n patches across -> `[n n B, p, p, C]`: the first patch of each picture, then the one to its
    right of each, and so on row by row.

    >>> cut_up(tf.reshape(tf.range(32), [2, 4, 4, 1]), across=2)[2, :, :, 0].numpy()
    array([[2, 3],
           [6, 7]], dtype=int32)
    """
    patch, channels = images.shape[1] // across, images.shape[3]
    cells = tf.reshape(images, [-1, across, patch, across, patch, channels])
    return tf.reshape(tf.transpose(cells, [1, 3, 0, 2, 4, 5]), [-1, patch, patch, channels])


@functools.cache
def orders(patches: int, count: int) -> np.ndarray:
    """Orders of patches that are far from each other, int32 [count, patches]: the first is as they lie, and each next
    one is the first of all whose least Hamming distance to those before is largest (Noroozi and Favaro, ECCV 2016,
    algorithm 1, whose first order is drawn).

    >>> orders(9, 3).tolist()
    [[0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 0, 3, 2, 5, 4, 7, 8, 6], [2, 3, 0, 1, 6, 7, 8, 4, 5]]
    """
    if count == 1:
        return np.arange(patches, dtype=np.int32)[None]
    every = np.array(list(itertools.permutations(range(patches))), np.int8)
    chosen, nearest = [0], np.full(len(every), patches + 1)
    while len(chosen) < count:
        nearest = np.minimum(nearest, (every != every[chosen[-1]]).sum(axis=1))
        chosen.append(int(np.argmax(nearest)))
    return every[chosen].astype(np.int32)


class Patches(Augmentation):
    """What puzzle and grid have in common: square patches of a square picture.

    Args:
        cells: patches across.
        patch: pixels of the side of one.
    """

    kind: str

    def __init__(self, cells: int, patch: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.cells = whole(f"{self.kind}.cells", cells, 1, 64)
        self.patch = whole(f"{self.kind}.patch", patch, 1, 4096)

    def least(self) -> int:
        """Pixels of the side of the smallest picture that it can cut."""
        raise NotImplementedError

    def side(self, before: int) -> int:
        if before < self.least():
            raise UserError(
                f"{self.kind} of {self.cells} x {self.cells} patches of {self.patch} px takes pictures of "
                f"{self.least()} px or more. Received {before} px. Lower {self.kind}.patch, or set the `size` of the "
                "crop before it."
            )
        return self.cells * self.patch

    def cut(self, images: tf.Tensor, top: tf.Tensor, left: tf.Tensor) -> tf.Tensor:
        """The patches whose upper left pixels are at `top` and `left`, int32 [B, cells * cells], side by side."""
        images = unit_range(images)
        width, channels, side = images.shape[2], images.shape[3], self.side(images.shape[1])
        places = np.arange(side)
        of_patch = self.cells * (places[:, None] // self.patch) + places[None] // self.patch  # [side, side]
        rows = tf.gather(top, of_patch, axis=1) + (places % self.patch)[:, None]
        columns = tf.gather(left, of_patch, axis=1) + (places % self.patch)[None]
        pixels = tf.reshape(images, [-1, images.shape[1] * width, channels])
        return tf.gather(pixels, rows * width + columns, batch_dims=1)


class Puzzle(Patches):
    """A picture in square cells, of each a patch at a place drawn afresh, and these in an order that is drawn.

    The gaps between patches are drawn, so that no edge goes on in the neighbour and gives the order away. Where the
    order is to be told, `permutations` says among how many, see `orders`; else it is any.

    Args:
        cells: cells across.
        patch: pixels of a patch's side, less than those of a cell.
        permutations: how many orders there are; 1 leaves the patches as they lie; None: all.

    >>> puzzle = Puzzle(cells=3, patch=12, permutations=100)
    >>> drawn = puzzle.sample(tf.random.stateless_uniform([8, puzzle.numbers], seed=(0, 1)))
    >>> puzzle.apply(tf.zeros([8, 48, 48, 3]), drawn).shape, sorted(drawn)
    (TensorShape([8, 36, 36, 3]), ['order', 'permutation', 'shift'])
    """

    kind = "puzzle"
    settings = ("cells", "patch", "permutations")

    def __init__(self, cells: int = 3, patch: int = 12, permutations: int | None = None, **kwargs: Any):
        super().__init__(cells, patch, **kwargs)
        self.permutations, count = permutations, self.cells**2
        if permutations is not None:
            whole("puzzle.permutations", permutations, 1, math.factorial(min(count, MOST)))
            if permutations > 1 and count > MOST:
                raise UserError(
                    f"puzzle.permutations chooses among the orders of at most {MOST} patches. Received "
                    f"{shown(permutations)} with {count} patches. Leave it out: any order is drawn then."
                )
        self.numbers = 2 * count + (count if permutations is None else 1)

    def least(self) -> int:
        return self.cells * (self.patch + 1)

    def sample(self, u: tf.Tensor) -> Parameters:
        """`shift` [B, n, 2], the place of each shown patch in its cell, down and right, as a fraction of what there is;
        `order` int32 [B, n], which cell each shown patch is of; `permutation` int32 [B], which of those chosen it is.
        """
        count = self.cells**2
        shift, rest = tf.reshape(u[:, : 2 * count], [-1, count, 2]), u[:, 2 * count :]
        if self.permutations is None:
            return {"shift": shift, "order": tf.argsort(rest, axis=1, stable=True)}
        drawn = tf.minimum(tf.cast(rest[:, 0] * self.permutations, tf.int32), self.permutations - 1)
        order = tf.gather(orders(count, self.permutations), drawn)
        return {"shift": shift, "order": order, "permutation": drawn}

    def describe(self, parameters: Mapping[str, Any]) -> str:
        if self.permutations == 1:
            return "as they lie"
        text = " ".join(str(1 + cell) for cell in parameters["order"])
        return text if self.permutations is None else f"no. {1 + parameters['permutation']}: {text}"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        cell, order = images.shape[1] // self.cells, parameters["order"]
        inside = tf.cast(parameters["shift"] * (cell - self.patch + 1), tf.int32)
        inside = tf.minimum(inside, cell - self.patch)  # of numbers that round up to 1
        top, left = (order // self.cells) * cell, (order % self.cells) * cell
        return self.cut(images, top + inside[:, :, 0], left + inside[:, :, 1])


class PatchGrid(Patches):
    """A picture as a grid of patches at equal distances, which overlap where they are larger than that.

    Args:
        cells: patches across.
        patch: pixels of a patch's side.
        jitter: by how many pixels at most each patch is moved down and right, or up and left; it stays in the picture.

    >>> grid = PatchGrid(cells=7, patch=8)
    >>> grid.apply(tf.zeros([8, 32, 32, 3]), grid.sample(tf.zeros([8, grid.numbers]))).shape
    TensorShape([8, 56, 56, 3])
    """

    kind = "patch_grid"
    settings = ("cells", "patch", "jitter")

    def __init__(self, cells: int = 7, patch: int = 8, jitter: int = 0, **kwargs: Any):
        super().__init__(cells, patch, **kwargs)
        self.jitter = whole("patch_grid.jitter", jitter, 0, 4096)
        self.numbers = 2 * self.cells**2 if self.jitter else 0

    def least(self) -> int:
        return self.patch

    def sample(self, u: tf.Tensor) -> Parameters:
        """`shift` int32 [B, n, 2], pixels by which each patch is moved, down and right."""
        if not self.jitter:
            return {"shift": tf.zeros([tf.shape(u)[0], self.cells**2, 2], tf.int32)}
        steps = tf.cast(u * (2 * self.jitter + 1), tf.int32) - self.jitter
        return {"shift": tf.reshape(tf.minimum(steps, self.jitter), [-1, self.cells**2, 2])}

    def describe(self, parameters: Mapping[str, Any]) -> str:
        return f"{self.cells} x {self.cells} patches of {self.patch} px"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        last = images.shape[1] - self.patch
        at = np.round(np.linspace(0, last, self.cells)).astype(np.int32)
        regular = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(1, -1, 2)
        moved = tf.clip_by_value(regular + parameters["shift"], 0, last)
        return self.cut(images, moved[:, :, 0], moved[:, :, 1])


class PatchColor(Color):
    """`Color` of which each patch of a view has a draw of its own, so that neither tint nor brightness nor contrast
    tells which patches are of one picture (Henaff et al., ICML 2020: patch-based augmentation).

    It comes behind what cuts a picture.

    Args:
        cells: patches across.
        **color: the settings of `Color`.

    >>> color = PatchColor(cells=7)
    >>> color.apply(tf.ones([8, 56, 56, 3]), color.sample(tf.random.uniform([8, color.numbers]))).shape
    TensorShape([8, 56, 56, 3])
    """

    kind = "patch_color"
    settings = ("cells", *Color.settings)

    def __init__(self, cells: int = 7, **color: Any):
        super().__init__(**color)
        self.cells = whole("patch_color.cells", cells, 1, 64)
        self.patches = self.cells**2
        self.numbers = self.patches * Color.numbers

    def side(self, before: int) -> int:
        if before % self.cells:
            raise UserError(
                f"patch_color of {self.cells} x {self.cells} patches takes views of as many equal patches. Received "
                f"{before} px. Put it behind what cuts the picture, with the `cells` of that."
            )
        return before

    def sample(self, u: tf.Tensor) -> Parameters:
        """As of `Color`, each [B, n, ...] for n patches."""
        drawn = super().sample(tf.reshape(u, [-1, Color.numbers]))
        return {name: tf.reshape(each, [-1, self.patches, *each.shape[1:]]) for name, each in drawn.items()}

    def same(self, one: Parameters, other: Parameters) -> tf.Tensor:
        return tf.reduce_all(tf.reshape(super().same(_flat(one), _flat(other)), [-1, self.patches]), axis=1)

    def vector(self, parameters: Parameters) -> tf.Tensor:
        """Those of `Color` of each patch, [B, 5 n]."""
        of_patches = super().vector(_flat(parameters))
        return tf.reshape(of_patches, [-1, self.patches * of_patches.shape[1]])

    def describe(self, parameters: Mapping[str, Any]) -> str:
        return f"{self.patches} patches, each its own"

    def apply(self, images: tf.Tensor, parameters: Parameters) -> tf.Tensor:
        cells, (side, channels) = self.cells, images.shape[2:]
        patch = side // cells
        patches = tf.reshape(images, [-1, cells, patch, cells, patch, channels])
        patches = tf.reshape(tf.transpose(patches, [0, 1, 3, 2, 4, 5]), [-1, patch, patch, channels])
        changed = super().apply(patches, _flat(parameters))
        rows = tf.transpose(tf.reshape(changed, [-1, cells, cells, patch, patch, channels]), [0, 1, 3, 2, 4, 5])
        return tf.reshape(rows, tf.shape(images))


def _flat(parameters: Parameters) -> Parameters:
    """Parameters [B, n, ...] of patches as those of as many pictures, [B n, ...]."""
    return {name: tf.reshape(each, [-1, *each.shape[2:]]) for name, each in parameters.items()}
