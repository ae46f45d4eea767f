"""Which views of a picture find which in each space of a pair method, and how often a step encodes a view."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from looc_tf.representations import QUERY
from looc_tf.views import ViewPlan

Meetings = dict[str, list[tuple[str, str]]]  # space -> (view that finds, view to be found)


class Passes(NamedTuple):
    """How often a step encodes a view.

    Attributes:
        learning: forward and backward.
        still: forward alone, through a slow copy or behind a stopped gradient.
    """

    learning: float = 0
    still: float = 0


def meetings(plan: ViewPlan, names: Iterable[str], symmetric: bool, small_are_found: bool) -> Meetings:
    """The pairs of each space; in each the query finds its key first.

    Args:
        plan: of the views; those in which a space is positive are its key and its small views.
        names: of the embedding spaces, which are those of their keys too.
        symmetric: whether the query is found as well.
        small_are_found: whether large views find small ones too, as small ones find the large.
    """
    found: Meetings = {}
    for space in names:
        views = [QUERY, *(view.name for view in plan.views if space in view.positive)]
        large = {QUERY, space}
        found[space] = [
            (one, two)
            for one, two in itertools.permutations(views, 2)
            if large & {one, two} and (small_are_found or two in large) and (symmetric or two != QUERY)
        ]
    return found


def passes_of(meets: Meetings, siblings: Mapping[str, Sequence[str]], has_slow_copy: bool) -> dict[str, Passes]:
    """View -> its passes: what finds learns; what is found passes the slow copy, or is still unless it learns too."""
    finding = {one for pairs in meets.values() for one, _ in pairs}
    found = {two for pairs in meets.values() for _, two in pairs} | {key for keys in siblings.values() for key in keys}
    still = found if has_slow_copy else found - finding
    return {view: Passes(int(view in finding), int(view in still)) for view in sorted(finding | found)}
