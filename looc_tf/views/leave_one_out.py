"""The views of embedding spaces, each named by what its key shares with the query.

The rows are derived from the spaces, so the list of spaces is the one source of truth (Xiao et al., "What Should Not Be
Contrastive in Contrastive Learning", ICLR 2021, section 3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional, Protocol

from looc_tf.augment import KINDS, Augmentation, Crop
from looc_tf.errors import UserError, nearest, shown
from looc_tf.representations import BRANCH, KEYS, LOCAL, QUERY, RESERVED
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
    """An embedding space of a config, named by what its key shares with the query.

    Example:
        >>> Space("color", shares=("color",))
        Space(name='color', shares=('color',))
    """

    name: str
    shares: tuple[str, ...] = ()


def leave_one_out(
    chain: Mapping[str, Augmentation] | Sequence[str],
    spaces: Sequence[Shares],
    shuffled: bool = True,
    local: int = 0,
    siblings: bool = True,
) -> ViewPlan:
    """A query and one key per space: the key copies from the query what its space shares and draws the rest afresh.

    The query uses draw 0 of everything; key j uses draw 0 of what is shared and its own draw j + 1 of the rest,
    designated or not (Xiao et al., ICLR 2021, figure 2). Small views (multi-crop) are dealt to the spaces in turn, and
    share with the query what the key of their space does; the chain's second crop makes them, and the first all others.
    An augmentation with `only` leaves the cells of all other views blank; what the query leaves blank, so does a key
    that shares it. So spaces that share all but one augmentation, which only keys have, are add-one: a plain query, and
    each key with one augmentation.

    Args:
        chain: name -> augmentation in the order of application, or only the names (the plan then has a table only).
        spaces: objects with `name` and `shares`, names of augmentations in the chain.
        shuffled: whether keys come in another order than their queries (He et al. 2020, section 3.3).
        local: how many small views.
        siblings: whether keys are negatives of their own query in other spaces.

    Raises:
        UserError: a space shares something that is not in the chain, or its name is taken.

    >>> plan = leave_one_out(["crop", "color"], [Space("all"), Space("color", ("color",))])
    >>> [(view.name, view.draws) for view in plan.views]
    [('query', (0, 0)), ('all', (1, 1)), ('color', (2, 0))]
    """
    names = tuple(chain)
    check_spaces(spaces, names)
    large, *small = crops_of(chain) if local else [""]
    negatives = sibling_negatives(spaces) if siblings else {}

    def row(kind: str, place: int, shares: Sequence[str] = (), number: int = 0) -> tuple[Optional[int], ...]:
        """The draws of a view, the `place`-th of all and the `number`-th of its kind."""

        def cell(name: str) -> Optional[int]:
            used = {kind, QUERY} if name in shares and name not in small else {kind}
            if not used <= {*_only(chain, name)} or name in (small if kind != LOCAL else [large]):
                return None
            return 0 if name in shares else number if name in small else place

        return tuple(map(cell, names))

    views = [View(QUERY, row(QUERY, 0))]
    for j, space in enumerate(spaces):
        _check_keys_use(space, chain, small)
        negative = tuple(other for other, keys in negatives.items() if space.name in keys)
        draws = row(KEYS, j + 1, space.shares)
        views.append(View(space.name, draws, shuffled, positive=(space.name,), negative=negative))
    for number in range(local):
        space = spaces[number % len(spaces)]
        draws = row(LOCAL, len(spaces) + 1 + number, space.shares, number)
        views.append(View(f"{LOCAL}{number + 1}", draws, shuffled, positive=(space.name,)))
    return ViewPlan(chain, views)


def single(chain: Mapping[str, Augmentation], without: tuple[type[Augmentation], ...] = ()) -> ViewPlan:
    """The query alone, with all augmentations that queries use but those of some kinds.

    >>> from looc_tf.augment import Rotation, build_chain
    >>> chain = build_chain({"crop": {}, "rotation": {}, "solarize": {"only": "keys"}}, size=32)
    >>> single(chain).views[0].draws, single(chain, without=(Rotation,)).views[0].draws
    ((0, 0, None), (0, None, None))
    """
    used = [QUERY in _only(chain, name) and not isinstance(each, without) for name, each in chain.items()]
    return ViewPlan(chain, [View(QUERY, tuple(0 if uses else None for uses in used))])


def named_but_not_shared(plan: ViewPlan) -> list[str]:
    """A line for each space that is called like an augmentation and shares none of them: `shares` was forgotten.

    It can be trained, and runs of it are there; only its name says what it is not.
    """
    query, *keys = plan.views
    return [
        f"Space {key.name!r} is called like an augmentation, but shares nothing: it notices {key.name} no more than a "
        f"space `all` does. Write {{name: {key.name}, shares: [{key.name}]}}, or give it another name."
        for key in keys
        if key.positive == (key.name,) and key.name in plan.chain and not plan.shared(query, key)
    ]


def crops_of(chain: Mapping[str, Augmentation] | Sequence[str]) -> list[str]:
    """The names of a chain's crops."""
    return [name for name, each in chain.items() if isinstance(each, Crop)] if isinstance(chain, Mapping) else []


def _only(chain: Mapping[str, Augmentation] | Sequence[str], name: str) -> Sequence[str]:
    """The kinds of views that use an augmentation."""
    return (isinstance(chain, Mapping) and chain[name].only) or KINDS


def _check_keys_use(
    space: Shares, chain: Mapping[str, Augmentation] | Sequence[str], small: Sequence[str] = ()
) -> None:
    for name in space.shares:
        users = [LOCAL] if name in small else _only(chain, name)
        if KEYS not in users:
            raise UserError(
                f"Space {space.name!r} shares {name!r}, which only {', '.join(users)} views have. "
                "Take it out of the space, or `only` out of views.chain."
            )


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
