"""Tables and the picture where one class is nearly all of the pictures, and where it is not."""

import io

import pytest
from rich.console import Console

from looc_tf.evaluate import Reading
from looc_tf.results import Provenance, minus
from looc_tf.results.figure import matrix
from looc_tf.results.tables import markdown, screen

PHOTOS = Provenance("photos/looc", "PHOTOS", 100, "c" * 64, "last", 10, "0.3.0", "abc")
CHANCE = {"object": 50.0, "rotation": 25.0}


def records(majority, balanced=50.0, method="looc", seed=0, value=88.9):
    read = [
        Reading("trunk", "object", value, 50.0, 90.0, balanced=balanced, majority=majority),
        Reading("trunk", "rotation", 40.0, 25.0, 41.0, balanced=40.0, majority=25.0),
    ]
    return [reading.record(method, method, seed, PHOTOS) for reading in read]


def old(found):
    """As earlier versions wrote them."""
    return [
        {key: value for key, value in one.items() if key not in ("chance", "balanced", "majority")} for one in found
    ]


def text(table):
    console = Console(width=100, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()


def test_uneven_classes_get_a_column_of_balanced_accuracies_and_a_row_of_the_majority():
    lines = markdown(records(88.9), CHANCE).splitlines()
    assert lines[2] == "| method | representation | object | object balanced | rotation |"
    assert lines[4] == "| looc | trunk | **88.9** | **50.0** | **40.0** |"
    assert lines[-2:] == [
        "| chance |  | 50.0 | 50.0 | 25.0 |",
        "| majority class |  | 88.9 | \N{EN DASH} | \N{EN DASH} |",
    ]
    shown = " ".join(text(screen(records(88.9), CHANCE)).split())
    assert all(word in shown for word in ("balanced", "chance", "majority class", "88.9"))


def test_where_classes_are_even_the_table_is_as_it_was():
    assert markdown(records(50.0), CHANCE) == markdown(old(records(50.0)), CHANCE)
    assert markdown(records(50.04), CHANCE) == markdown(records(50.0), CHANCE)  # what cannot be seen is not shown
    assert "majority" in markdown(records(51.0), CHANCE) and "balanced" not in markdown(records(51.0), CHANCE)


def test_the_picture_has_the_column_and_the_share():
    axes = matrix(records(88.9), "title", CHANCE).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["object", "object\nbalanced", "rotation"]
    assert {"chance 50\nmajority 88.9", "chance 50", "chance 25"} <= {each.get_text() for each in axes.texts}


def test_results_of_earlier_versions_stand_beside_new_ones():
    mixed = [*records(88.9), *old(records(88.9, method="moco"))]
    lines = markdown(mixed).splitlines()
    assert lines[4] == "| looc | trunk | **88.9** | **50.0** | **40.0** |"
    assert lines[5] == "| moco | trunk | **88.9** | \N{EN DASH} | **40.0** |"
    assert "majority" not in markdown(mixed) and "balanced" not in markdown(old(records(88.9)))


def test_differences_are_taken_of_balanced_accuracies_too():
    both = [*records(88.9, balanced=70.0, value=90.0), *records(88.9, balanced=55.0, method="moco")]
    lines = markdown(minus(both, "moco", "trunk")).splitlines()
    assert lines[4].startswith("| looc | trunk | **1.1** | **15.0** |")
    without = [*both[:2], *old(both[2:])]
    assert "15.0" not in markdown(minus(without, "moco", "trunk"))


def test_intervals_are_of_balanced_accuracies_too():
    seeds = [record for seed in range(3) for record in records(88.9, balanced=50.0 + seed, seed=seed)]
    assert "51.0 \N{PLUS-MINUS SIGN} 2.5" in markdown(seeds)


@pytest.mark.parametrize("level", ["chance", "balanced", "majority"])
def test_a_record_without_a_level_is_shown_without_it(level):
    found = [{**record, level: None} for record in records(88.9)]
    assert "| 88.9 |" in markdown(found, CHANCE).replace("**", "")
