"""The names under which views and representations are known, in configs, files and tables; one place for their order.

A trained encoder gives the trunk's features, a point in each embedding space and, where each space owns its last stage,
the features of each branch. Results also list all spaces side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

QUERY = "query"  # the view that is compared with the others
KEYS = "keys"  # the views that it is compared with, each under the name of its space
LOCAL = "local"  # small views; what their names begin with
TRUNK = "trunk"  # the backbone's pooled features
CONCAT = "concat"  # all spaces, one behind the other
BRANCH = "branch_"  # before the name of a space: the pooled features of its own last stage
STAGES = ("stage2", "stage3", "stage4")  # of a ResNet: the pooled feature maps of Conv2 to Conv4, where asked for
PROBABILITIES = "probabilities"  # of the classes, where a method has learned to name them
EMBEDDING = "embedding"  # the one answer of an export that was made of one representation
BESIDE = "+"  # between the names of representations that stand side by side; in the name of none
RESERVED = (QUERY, TRUNK, CONCAT, PROBABILITIES, *STAGES)  # what no space may be called


def branch(space: str) -> str:
    """The name of a space's own branch."""
    return BRANCH + space


def of_spaces(spaces: Sequence[str], branches: bool = False) -> list[str]:
    """Every representation of an encoder with such spaces, in the order of tables.

    >>> of_spaces(["all", "color"])
    ['trunk', 'all', 'color', 'concat']
    """
    return [TRUNK, *spaces, *([CONCAT] if spaces else []), *(map(branch, spaces) if branches else ())]


def is_space(name: str) -> bool:
    """Whether a representation is an embedding space."""
    return name not in (TRUNK, CONCAT, PROBABILITIES, *STAGES) and not name.startswith(BRANCH) and BESIDE not in name


def beside(names: Iterable[str]) -> str:
    """The name of some representations side by side.

    >>> beside(["all", "color"])
    'all+color'
    """
    return BESIDE.join(names)


def parts_of(name: str) -> tuple[str, ...]:
    """The inverse of `beside`: the name alone where it is that of one."""
    return tuple(name.split(BESIDE))


def outputs_of(name: str, outputs: Iterable[str]) -> tuple[str, ...]:
    """Which outputs of an encoder stand side by side in a representation.

    >>> outputs_of("concat", ["trunk", "all", "color"])
    ('all', 'color')
    """
    return tuple(filter(is_space, outputs)) if name == CONCAT else parts_of(name)


def ordered(names: Iterable[str]) -> list[str]:
    """Each name once: the trunk, the spaces in order of appearance, some of them side by side, all of them, stages, the
    branches, some of these side by side, the probabilities.

    >>> ordered(["concat", "color", "trunk", "all"])
    ['trunk', 'color', 'all', 'concat']
    """
    return sorted(dict.fromkeys(names), key=_rank)


def _rank(name: str) -> int:
    known = {TRUNK: 0, CONCAT: 3, **dict.fromkeys(STAGES, 4), PROBABILITIES: 7}
    return known.get(name, 1 + 4 * name.startswith(BRANCH) + (BESIDE in name))
