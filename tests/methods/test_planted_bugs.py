"""The checks are checked: each bug, planted on purpose, makes one of them fail."""

import dataclasses

import pytest
from helpers import checks, contract, planted

from looc_tf.views import ViewPlan, leave_one_out


def inverted(chain, of):
    """The misreading "shares all but its own": what is shared and what is drawn apart trade places."""
    right = leave_one_out(chain, of)

    def invert(view):
        own = max(1, *view.draws)
        return dataclasses.replace(view, draws=tuple(own if draw == 0 else 0 for draw in view.draws))

    return ViewPlan(chain, [right.views[0], right.views[1], *(invert(view) for view in right.views[2:])])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_inverted_view_rule_is_caught(n):
    with pytest.raises(AssertionError):
        checks.view_rule(inverted, contract.SPACES[: n + 1])


def marked():
    for bug in planted.BUGS:
        marks = [pytest.mark.slow] if bug.check in planted.SLOW else []
        yield pytest.param(bug, marks=marks, id=f"{bug.says}-{bug.check}".replace(" ", "_"))


@pytest.mark.parametrize("bug", list(marked()))
def test_a_planted_bug_is_caught(bug):
    assert not bug.survives(), f"{bug.check} passes although {bug.says}"
