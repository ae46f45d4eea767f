"""Which key is a negative where, and which draws it copies: for every n, on names and on parameters."""

from types import SimpleNamespace

import pytest
from helpers import checks, contract, tiny

from looc_tf.training import fit
from looc_tf.views import Space, leave_one_out, sibling_negatives
from looc_tf.views.leave_one_out import named_but_not_shared


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_a_key_shares_with_the_query_what_its_space_names_and_nothing_else(n):
    checks.view_rule(leave_one_out, contract.SPACES[: n + 1])


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_every_other_key_is_a_negative_in_a_space_that_notices_something(n):
    names = [space.name for space in contract.SPACES[: n + 1]]
    expected = {name: tuple(other for other in names if other != name) if name != "all" else () for name in names}
    assert sibling_negatives(contract.SPACES[: n + 1]) == expected


def test_a_space_that_is_called_like_an_augmentation_and_shares_nothing_is_told_with_the_remedy():
    """It was taken in silence, and kept nothing of its own."""
    chain = ["crop", "color", "rotation"]
    forgotten = leave_one_out(chain, [Space("all"), Space("rotation")])
    (line,) = named_but_not_shared(forgotten)
    assert line.startswith("Space 'rotation' ") and "Write {name: rotation, shares: [rotation]}" in line
    apart = [Space("all"), Space("again"), Space("thrice")]
    others = [Space("rotation", ("rotation",)), Space("color", ("rotation", "crop"))]
    for spaces in (apart, others, contract.SPACES):
        assert named_but_not_shared(leave_one_out(contract.CHAIN, spaces)) == []


@pytest.mark.parametrize("name", ["looc", "simclr"])
def test_a_training_tells_of_it_before_its_first_step(name, caplog):
    spaces = "method.spaces=[{name: all}, {name: rotation}]"
    experiment = tiny.experiment("pictures", f"method.name={name}", spaces)
    method = SimpleNamespace(remarks=list)
    fit.warn(experiment, method, "", 6)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Space 'rotation' is called like an augmentation, but shares nothing" in caplog.text
    caplog.clear()
    fit.warn(tiny.experiment("pictures", f"method.name={name}"), method, "", 6)
    assert not caplog.records


def test_the_rule_for_sets_of_shared_names():
    color, both = Space("color", ("color",)), Space("both", ("color", "rotation"))
    assert sibling_negatives([color, both]) == {"color": (), "both": ("color",)}  # `both` copies the color as well


def test_spaces_that_share_nothing_have_no_siblings():
    assert sibling_negatives([Space("a"), Space("b")]) == {"a": (), "b": ()}
