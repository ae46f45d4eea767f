"""Which key is a negative where, and which draws it copies: for every n, on names and on parameters."""

import pytest
from helpers import checks, contract

from looc_tf.views import Space, leave_one_out, sibling_negatives


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_key_shares_with_the_query_what_its_space_names_and_nothing_else(n):
    checks.view_rule(leave_one_out, contract.SPACES[: n + 1])


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_every_other_key_is_a_negative_in_a_space_that_notices_something(n):
    names = [space.name for space in contract.SPACES[: n + 1]]
    expected = {name: tuple(other for other in names if other != name) if name != "all" else () for name in names}
    assert sibling_negatives(contract.SPACES[: n + 1]) == expected


def test_the_rule_for_sets_of_shared_names():
    color, both = Space("color", ("color",)), Space("both", ("color", "rotation"))
    assert sibling_negatives([color, both]) == {"color": (), "both": ("color",)}  # `both` copies the color as well


def test_spaces_that_share_nothing_have_no_siblings():
    assert sibling_negatives([Space("a"), Space("b")]) == {"a": (), "b": ()}
