"""The views of embedding spaces, each named by what its key shares with the query.

The rows are derived from the spaces, so the list of spaces is the one source of truth (Xiao et al., "What Should Not Be
Contrastive in Contrastive Learning", ICLR 2021, section 3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from looc_tf.augment.base import Augmentation
from looc_tf.errors import UserError, nearest, shown
from looc_tf.representations import BRANCH, QUERY, RESERVED
from looc_tf.views.plan import View, ViewPlan

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]{0,63}")  # of a space: TensorFlow's scopes take no others


class Shares(Protocol):
    """What is read of a space."""

    @property
    def name(self) -> str: ...
    @property
    def shares(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Space:
    """An embedding space of a config, named by what its key shares with the query."""

    name: str
    shares: tuple[str, ...] = ()


def leave_one_out(
    chain: Mapping[str, Augmentation] | Sequence[str], spaces: Sequence[Shares], shuffled: bool = True
) -> ViewPlan:
    """A query and one key per space: the key copies from the query what its space shares and draws the rest afresh.

    The query uses draw 0 of everything; key j uses draw 0 of what is shared and its own draw j + 1 of the rest,
    designated or not (Xiao et al., ICLR 2021, figure 2).

    Args:
        chain: name -> augmentation in the order of application, or only the names (the plan then has a table only).
        spaces: objects with `name` and `shares`, names of augmentations in the chain.
        shuffled: whether keys come in another order than their queries (He et al. 2020, section 3.3).

    Raises:
        UserError: a space shares something that is not in the chain, or its name is taken.

    >>> plan = leave_one_out(["crop", "color"], [Space("all"), Space("color", ("color",))])
    >>> [(view.name, view.draws) for view in plan.views]
    [('query', (0, 0)), ('all', (1, 1)), ('color', (2, 0))]
    """
    names = tuple(chain)
    check_spaces(spaces, names)
    negatives = sibling_negatives(spaces)
    views = [View(QUERY, (0,) * len(names))]
    for j, space in enumerate(spaces):
        draws = tuple(0 if name in space.shares else j + 1 for name in names)
        negative = tuple(other for other, keys in negatives.items() if space.name in keys)
        views.append(View(space.name, draws, shuffled, positive=(space.name,), negative=negative))
    return ViewPlan(chain, views)


def sibling_negatives(spaces: Sequence[Shares]) -> dict[str, tuple[str, ...]]:
    """For each space the other keys of the same image that are negatives in it, in the order of the spaces.

    Key j is a negative in space i exactly when it varies something that space i must notice: when what i shares is not
    a subset of what j shares. A space that shares nothing has no sibling negatives (Xiao et al., ICLR 2021, section 3).
    """
    return {
        space.name: tuple(key.name for key in spaces if not set(space.shares) <= set(key.shares)) for space in spaces
    }


def check_spaces(spaces: Sequence[Shares], chain: Sequence[str]) -> None:
    """Sees that each space has a name of its own and shares what the chain has.

    Raises:
        UserError: of the first that does not.
    """
    names = [space.name for space in spaces]
    for index, space in enumerate(spaces):
        if not _NAME.fullmatch(space.name):
            raise UserError(
                "A space's name should be letters, digits and _. "
                f"Received {shown(space.name)}. Begin with a letter, use at most 64 of A to Z."
            )
        if space.name in RESERVED or space.name.startswith(BRANCH):
            raise UserError(f"A space cannot be called {space.name!r}: the results use that name. Choose another.")
        if space.name in names[:index]:
            raise UserError(f"Two spaces are called {space.name!r}. Each space needs a name of its own.")
        _check_shares(space, chain)


def _check_shares(space: Shares, chain: Sequence[str]) -> None:
    for index, shared in enumerate(space.shares):
        if shared not in chain:
            raise UserError(
                f"Space {space.name!r} shares {shown(shared)}, which is not in the chain ({', '.join(chain)}). "
                f"{nearest(shared, chain)}Add it to views.chain or take it out of the space."
            )
        if shared in space.shares[:index]:
            raise UserError(f"Space {space.name!r} shares {shared!r} twice. Once is enough.")
