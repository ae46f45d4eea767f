"""Views as rows of draws: which draw of each augmentation a view uses. Equal draws mean shared parameters.

The rows are derived from the spaces, each named by what its key shares with the query, so the list of spaces is the
one source of truth (Xiao et al., "What Should Not Be Contrastive in Contrastive Learning", ICLR 2021, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters, unit_range
from looc_tf.config.checks import RESERVED
from looc_tf.errors import UserError

QUERY = "query"
AT_ONCE = 2 * 1024**2  # bytes of reference images: what a core's cache holds


class Shares(Protocol):
    """What `leave_one_out` reads of a space."""

    @property
    def name(self) -> str: ...
    @property
    def shares(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class View:
    """One view: for each augmentation of the chain, the number of the draw that it uses."""

    name: str
    chain: tuple[str, ...]
    draws: tuple[int, ...]


class ViewPlan:
    """Renders the views of a batch of images, batch-wise and as a pure function of uniform numbers.

    Args:
        chain: name -> augmentation, in the order in which they are applied. A sequence of names gives a plan that has
            its table but cannot render.
        views: the rows; every view starts from the reference image, never from another view.
        spaces: the spaces that the views were made for, for `table`.

    >>> from looc_tf.augment import build_chain
    >>> from looc_tf.config import Space
    >>> chain = build_chain({"crop": {}, "color": {}}, size=32)
    >>> plan = leave_one_out(chain, [Space("all"), Space("color", ("color",))])
    >>> u = tf.random.stateless_uniform([8, plan.numbers], seed=(0, 1))
    >>> views, parameters = plan(tf.zeros([8, 40, 40, 3], tf.uint8), u)
    >>> sorted(views)
    ['all', 'color', 'query']
    """

    def __init__(
        self, chain: Mapping[str, Augmentation] | Sequence[str], views: Iterable[View], spaces: Sequence[Shares] = ()
    ):
        self.chain = tuple(chain)
        self.augmentations = dict(chain) if isinstance(chain, Mapping) else {}
        self.views = tuple(views)
        self.spaces = tuple(spaces)
        if "stylized" in self.chain[1:]:
            raise UserError(f"'stylized' swaps the whole picture and must come first. Received chain={self.chain}.")
        self._columns = self._blocks()

    def _blocks(self) -> dict[tuple[str, int], slice]:
        """One block of columns of `u` for each (augmentation, distinct draw)."""
        columns, start = {}, 0
        for place, (name, augmentation) in enumerate(self.augmentations.items()):
            for draw in sorted({view.draws[place] for view in self.views}):
                columns[name, draw] = slice(start, start + augmentation.numbers)
                start += augmentation.numbers
        return columns

    @property
    def numbers(self) -> int:
        """How many uniform numbers the views of one image take."""
        return max((block.stop for block in self._columns.values()), default=0)

    def sample(self, u: tf.Tensor) -> dict[str, dict[str, Parameters]]:
        """View -> augmentation -> parameters, from u, float32 [B, numbers] uniform in [0, 1)."""
        drawn = {key: self.augmentations[key[0]].sample(u[:, block]) for key, block in self._columns.items()}
        return {
            view.name: {name: drawn[name, draw] for name, draw in zip(self.chain, view.draws)} for view in self.views
        }

    def render(self, images: tf.Tensor, parameters: Mapping[str, Parameters]) -> tf.Tensor:
        """One view [B, size, size, 3] of reference images, float32 in [0, 1]."""
        for name in self.chain:
            images = self.augmentations[name].apply(images, parameters[name])
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
        """The reference images and, where the chain swaps them, their stylised copies."""
        images = batch["image"] if isinstance(batch, Mapping) else batch
        if "stylized" not in self.chain:
            return [images]
        if not isinstance(batch, Mapping) or "stylized" not in batch:
            raise UserError(
                "Augmentation 'stylized' needs a stylised copy of each image in the data (field 'stylized'), and there "
                "is none. Use 'texture' (random convolution) instead, or data with that field."
            )
        return [images, batch["stylized"]]

    def table(self) -> list[tuple[str, tuple[int, ...], tuple[str, ...], tuple[str, ...]]]:
        """Rows (view, draws, positive in, negative in) for documents and pictures."""
        negatives = sibling_negatives(self.spaces)
        return [
            (
                view.name,
                view.draws,
                tuple(space.name for space in self.spaces if space.name == view.name),
                tuple(space for space, keys in negatives.items() if view.name in keys),
            )
            for view in self.views
        ]


def leave_one_out(chain: Mapping[str, Augmentation] | Sequence[str], spaces: Sequence[Shares]) -> ViewPlan:
    """A query and one key per space: the key copies from the query what its space shares and draws the rest afresh.

    The query uses draw 0 of everything; key j uses draw 0 of what is shared and its own draw j + 1 of the rest,
    designated or not (Xiao et al., ICLR 2021, figure 2).

    Args:
        chain: name -> augmentation in the order of application, or only the names (the plan then has a table only).
        spaces: objects with `name` and `shares`, names of augmentations in the chain.

    Raises:
        UserError: a space shares something that is not in the chain, or its name is taken.
    """
    names = tuple(chain)
    _check(names, spaces)
    views = [View(QUERY, names, (0,) * len(names))]
    for j, space in enumerate(spaces):
        views.append(View(space.name, names, tuple(0 if name in space.shares else j + 1 for name in names)))
    return ViewPlan(chain, views, spaces)


def sibling_negatives(spaces: Sequence[Shares]) -> dict[str, tuple[str, ...]]:
    """For each space the other keys of the same image that are negatives in it, in the order of the spaces.

    Key j is a negative in space i exactly when it varies something that space i must notice: when what i shares is not
    a subset of what j shares. A space that shares nothing has no sibling negatives (Xiao et al., ICLR 2021, section 3).
    """
    return {
        space.name: tuple(key.name for key in spaces if not set(space.shares) <= set(key.shares)) for space in spaces
    }


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


def _check(chain: tuple[str, ...], spaces: Sequence[Shares]) -> None:
    names = [space.name for space in spaces]
    for space in spaces:
        if names.count(space.name) > 1:
            raise UserError(f"Space names must differ. Received {', '.join(names)}.")
        if space.name in RESERVED:
            raise UserError(f"Space name {space.name!r} is reserved. Choose a name other than {', '.join(RESERVED)}.")
        for shared in space.shares:
            if shared not in chain:
                raise UserError(
                    f"Space {space.name!r} shares unknown augmentation {shared!r}. Expected one of {', '.join(chain)}. "
                    f"Received shares={tuple(space.shares)}."
                )
