"""Views as rows of draws: which draw of each augmentation a view uses. Equal draws mean shared parameters.

A blank cell is an augmentation that the view does not use; so one chain states asymmetric views and crops of several
sizes too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters, unit_range
from looc_tf.errors import UserError
from looc_tf.views.collisions import numbers_of, sample_apart

AT_ONCE = 2 * 1024**2  # bytes of reference images: what a core's cache holds


@dataclass(frozen=True)
class View:
    """One view.

    Attributes:
        name: under which a batch holds it.
        draws: for each augmentation of the chain the number of the draw that the view uses; None where it uses none.
        shuffled: whether its rows come in another order than those of the other views (see `training_batches`).
        positive: the embedding spaces in which it is what its query should be close to.
        negative: the embedding spaces in which it is a negative of its query.

    Example:
        >>> View("same_color", draws=(1, 0, 1), positive=("color",))
        View(name='same_color', draws=(1, 0, 1), shuffled=False, positive=('color',), negative=())
    """

    name: str
    draws: tuple[Optional[int], ...]
    shuffled: bool = False
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()


class ViewPlan:
    """Renders the views of a batch of images, batch-wise and as a pure function of uniform numbers.

    Args:
        chain: name -> augmentation, in the order in which they are applied. A sequence of names gives a plan that has
            its table but cannot render.
        views: the rows; every view starts from the reference image, never from another view.
        recorded: whether batches hold what was drawn for each view.

    Raises:
        UserError: a row has not a cell for each augmentation, two rows have one name, or an augmentation that reads a
            copy of the picture does not come first.

    >>> from looc_tf.augment import build_chain
    >>> chain = build_chain({"crop": {}, "color": {}}, size=32)
    >>> plan = ViewPlan(chain, [View("query", (0, 0)), View("same_color", (1, 0)), View("uncolored", (2, None))])
    >>> u = tf.random.stateless_uniform([8, plan.numbers], seed=(0, 1))
    >>> views, parameters = plan(tf.zeros([8, 40, 40, 3], tf.uint8), u)
    >>> {name: tuple(view.shape) for name, view in views.items()}
    {'query': (8, 32, 32, 3), 'same_color': (8, 32, 32, 3), 'uncolored': (8, 32, 32, 3)}
    >>> list(parameters["uncolored"])
    ['crop']
    """

    def __init__(
        self, chain: Mapping[str, Augmentation] | Sequence[str], views: Iterable[View], recorded: bool = False
    ):
        self.chain, self.recorded = tuple(chain), recorded
        self.augmentations = dict(chain) if isinstance(chain, Mapping) else {}
        self.views = tuple(views)
        self._check()
        self._columns = self._blocks()

    def _check(self) -> None:
        for name, augmentation in self.augmentations.items():
            if not isinstance(augmentation, Augmentation):
                raise UserError(
                    f"Expected looc_tf.Augmentations in a chain. {name!r} is a {type(augmentation).__name__}. Views "
                    "that share a draw need one with `numbers`, `sample(u)` and `apply(images, parameters)`: subclass "
                    "looc_tf.Augmentation."
                )
        names = [view.name for view in self.views]
        for view in self.views:
            if len(view.draws) != len(self.chain) or names.count(view.name) > 1:
                raise UserError(
                    f"Expected views of different names with a draw, or None, for each of {', '.join(self.chain)}. "
                    f"Received {view}."
                )
        for name in self.chain[1:]:
            if self.augmentations and self.augmentations[name].companion:
                raise UserError(f"{name!r} swaps the whole picture and must come first. Received chain={self.chain}.")

    def _blocks(self) -> dict[tuple[str, int], slice]:
        """One block of columns of `u` for each (augmentation, distinct draw)."""
        columns, start = {}, 0
        for name, augmentation in self.augmentations.items():
            for draw in sorted({self.used(view)[name] for view in self.views if name in self.used(view)}):
                columns[name, draw] = slice(start, start + numbers_of(augmentation, draw))
                start = columns[name, draw].stop
        return columns

    @property
    def numbers(self) -> int:
        """How many uniform numbers the views of one image take."""
        return max((block.stop for block in self._columns.values()), default=0)

    def used(self, view: View) -> dict[str, int]:
        """The augmentations that a view uses, with the number of the draw, in the order of the chain."""
        return {name: draw for name, draw in zip(self.chain, view.draws) if draw is not None}

    def shared(self, view: View, other: View) -> tuple[str, ...]:
        """The augmentations whose parameters two views have in common; two blank cells have none."""
        own, others = self.used(view), self.used(other)
        return tuple(name for name in own if own[name] == others.get(name))

    def crops(self, view: View) -> list[str]:
        """The augmentations of a view that give it a size of their own."""
        return [name for name in self.used(view) if hasattr(self.augmentations[name], "size")]

    def size(self, view: View, reference: int) -> int:
        """Pixels of the side of a view of reference images of so many; `UserError` where a part can make none of it."""
        for name in self.used(view):
            reference = self.augmentations[name].side(reference)
        return reference

    def sample(self, u: tf.Tensor) -> dict[str, dict[str, Parameters]]:
        """View -> augmentation -> parameters, from u, float32 [B, numbers] uniform in [0, 1)."""
        drawn: dict[tuple[str, int], Parameters] = {}
        for (name, draw), block in self._columns.items():
            augmentation, of_query = self.augmentations[name], drawn.get((name, 0))
            if augmentation.resample_collisions and of_query is not None:
                drawn[name, draw] = sample_apart(augmentation, u[:, block], of_query)
            else:
                drawn[name, draw] = augmentation.sample(u[:, block][:, : augmentation.numbers])
        return {view.name: {name: drawn[name, draw] for name, draw in self.used(view).items()} for view in self.views}

    def render(self, images: tf.Tensor, parameters: Mapping[str, Parameters]) -> tf.Tensor:
        """One view [B, size, size, 3] of reference images, float32 in [0, 1]."""
        for name, augmentation in self.augmentations.items():
            if name in parameters:
                images = augmentation.apply(images, parameters[name])
            elif augmentation.companion:
                images = images[..., : images.shape[-1] // 2]
        return images

    def __call__(
        self, batch: Mapping[str, tf.Tensor] | tf.Tensor, u: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], dict[str, dict[str, Parameters]]]:
        """The views and the parameters behind them.

        Args:
            batch: reference images [B, S, S, 3], uint8 or float in [0, 1], or a batch dict that holds them as "image".
            u: float32 [B, numbers], e.g. `tf.random.stateless_uniform([B, plan.numbers], seed=(seed, step))`.

        Returns:
            view -> float32 [B, size, size, 3] in [0, 1], and view -> augmentation -> parameters.
        """
        parameters = self.sample(u)

        def views(part: tuple[list[tf.Tensor], dict[str, dict[str, Parameters]]]) -> dict[str, tf.Tensor]:
            images = tf.concat([unit_range(images) for images in part[0]], axis=-1)  # scaled once for all views
            return {view.name: self.render(images, part[1][view.name]) for view in self.views}

        return _few_at_a_time(views, (self._reference(batch), parameters)), parameters

    def _reference(self, batch: Mapping[str, tf.Tensor] | tf.Tensor) -> list[tf.Tensor]:
        """The reference images and, where the chain swaps them, their copies."""
        images = batch["image"] if isinstance(batch, Mapping) else batch
        copy = next((each.companion for each in self.augmentations.values() if each.companion), None)
        if copy is None:
            return [images]
        if not isinstance(batch, Mapping) or copy not in batch:
            raise UserError(
                f"Augmentation {self.chain[0]!r} needs a {copy} copy of each image in the data (field {copy!r}), and "
                "there is none. Use 'texture' (random convolution) instead, or data with that field."
            )
        return [images, batch[copy]]


def _few_at_a_time(views: Callable[[Any], dict[str, tf.Tensor]], inputs: tuple[list[tf.Tensor], dict]) -> dict:
    """`views(inputs)`, a few rows at a time where images are large: to the same bits.

    What one augmentation leaves behind then is still in the processor's cache for the next: at 224 pixels a fifth
    more images a second.
    """
    shape = inputs[0][0].shape
    rows = _rows_at_once(shape)
    if rows == shape[0]:
        return views(inputs)
    parts = tf.nest.map_structure(
        lambda whole: tf.reshape(whole, tf.concat([[-1, rows], tf.shape(whole)[1:]], axis=0)), inputs
    )
    kinds = dict.fromkeys(inputs[1], tf.float32)
    rendered = tf.map_fn(views, parts, fn_output_signature=kinds, parallel_iterations=1)
    return {name: tf.reshape(part, [shape[0], *part.shape[2:]]) for name, part in rendered.items()}


def _rows_at_once(shape: tf.TensorShape) -> int | None:
    """How many of the images [B, S, S, 3] fit `AT_ONCE`, in equal parts of the batch; B if its size is not known."""
    if not shape.is_fully_defined():
        return shape[0]
    fit = max(1, AT_ONCE // (4 * shape[1:].num_elements()))
    return max(rows for rows in range(1, min(fit, shape[0]) + 1) if shape[0] % rows == 0)
