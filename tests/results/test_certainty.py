"""What keeps an accuracy from being believed as it is: few test pictures, and one class that is most of them."""

import io

import pytest
from rich.console import Console
from scipy.stats import binomtest

from looc_tf.results.certainty import FEW, below_majority, few_pictures, wilson
from looc_tf.results.figure import COLORS, SHADES, matrix
from looc_tf.results.summary import summarise
from looc_tf.results.tables import markdown, screen


def record(value, representation="trunk", probe="object", **more):
    known = {"run": "looc-0", "method": "looc", "seed": 0, "chance": 33.3333, "majority": 63.6364}
    return {**known, "representation": representation, "probe": probe, "value": value, **more}


def printed(records, **more):
    console = Console(file=io.StringIO(), width=200)
    console.print(screen(records, **more))
    return console.file.getvalue()


UNEVEN = [record(54.5454), record(72.7272, "all")]
CHANCE = {"object": 33.3333}


@pytest.mark.parametrize(("right", "count"), [(0, 14), (9, 14), (12, 22), (22, 22), (1, 1), (700, 1000)])
def test_the_interval_is_scipys(right, count):
    interval = binomtest(right, count).proportion_ci(0.95, "wilson")
    assert wilson(100 * right / count, count) == pytest.approx((100 * interval.low, 100 * interval.high), abs=1e-9)


def test_from_the_bound_on_an_interval_reaches_three_points_at_most():
    low, high = wilson(50.0, FEW)
    assert (high - low) / 2 == pytest.approx(3.1, abs=0.05)


def test_tables_say_how_many_test_pictures_there_are_and_how_far_they_go():
    few, many = (printed(UNEVEN, chance=CHANCE, tested={"object": count}) for count in (22, 2000))
    assert "In percent, on 22 test pictures" in few and "In percent, on 2,000 test pictures" in many
    assert "22 test pictures: few. 95 % intervals (Wilson) of the highest values: object 72.7 (51.8 to 86.8)" in few
    assert "Wilson" not in many and "Wilson" not in printed(UNEVEN, chance=CHANCE)
    assert "In percent, on the test part" in printed(UNEVEN, chance=CHANCE)


def test_probes_of_fewer_labelled_pictures_have_a_line_of_their_own():
    cells = summarise([record(50.0), record(40.0, probe="rotation", majority=25.0)])
    lines = few_pictures(cells, {"object": 1, "rotation": 14})
    assert lines[0].startswith("1 test picture: few. ") and "object 50.0 (" in lines[0]
    assert lines[1].startswith("14 test pictures: few. ") and lines[1].count("rotation") == 1


def test_what_is_worse_than_always_the_commonest_class_is_named():
    line = "object is read worse than by always answering the commonest class (63.6): "
    assert f"{line}trunk\n" in printed(UNEVEN, chance=CHANCE) + "\n" and f"{line}trunk" in markdown(UNEVEN, CHANCE)
    assert "read worse" not in printed(UNEVEN) + markdown(UNEVEN)  # without levels they may be differences
    both = summarise([*UNEVEN, *(record(20.0, name, method="moco") for name in ("trunk", "all"))])
    assert below_majority(both, {"object": 63.6364}) == [f"{line}looc: trunk, moco: trunk, moco: all"]
    assert below_majority(summarise([record(1.0), record(2.0, "all")]), {"object": 63.6}) == [
        line.replace("63.6364", "63.6") + "every representation"
    ]
    assert below_majority(summarise([record(63.6)]), {"object": 63.6364}) == []  # as it is shown


def test_in_the_picture_it_is_as_pale_as_guessing():
    axes = matrix(UNEVEN, chance=CHANCE).axes[0]
    pale = COLORS(SHADES[0])
    assert axes.patches[0].get_facecolor() == pale != axes.patches[1].get_facecolor()
