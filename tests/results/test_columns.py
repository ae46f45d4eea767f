"""Values of evaluations beside the probes, as tables and pictures show them: drawn, many, under any name."""

import io

import pytest
from rich.console import Console

from looc_tf.evaluate import Estimate, Reading, read_results, summarise, write_results
from looc_tf.results.figure import matrix, render
from looc_tf.results.summary import DRAWS, difference, minus
from looc_tf.results.tables import markdown, screen


def record(probe, value, seed=0, method="looc", representation="trunk", **more):
    where = {"method": method, "seed": seed, "representation": representation, "probe": probe}
    return {"run": f"{method}-{seed}", **where, "value": value, **more}


def printed(records, **more):
    console = Console(file=io.StringIO(), width=140)
    console.print(screen(records, **more))
    return console.file.getvalue()


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in [*axes.texts, *axes.get_xticklabels()]]


ONE = [record("object", 50.0), record("few_shot@5", 40.0, half=1.25), record("few_shot@10", 45.0, half=0.5)]
SAID = f"± of one seed: 95 % interval over {DRAWS}"


def test_the_draws_of_one_seed_are_its_interval_and_said():
    found = summarise(ONE)
    assert found["looc", "trunk", "few_shot@5"] == Estimate(40.0, 1.25, 1, DRAWS)
    assert str(found["looc", "trunk", "few_shot@5"]) == "40.0 ± 1.2" and str(found["looc", "trunk", "object"]) == "50.0"
    lines = markdown(ONE).splitlines()
    assert lines[0] == "| method | representation | object | few_shot@5 | few_shot@10 |"
    assert lines[2] == "| looc | trunk | **50.0** | **40.0 ± 1.2** | **45.0 ± 0.5** |" and lines[-1] == SAID
    assert "40.0 ± 1.2" in printed(ONE) and SAID in printed(ONE)
    shown = texts(matrix(ONE))
    assert "± 1.2" in shown and sum("± over draws" in text for text in shown) == 2


def test_over_several_seeds_the_interval_is_theirs_alone():
    both = [*ONE, record("few_shot@5", 44.0, seed=1, half=9.0)]
    found = summarise(both)["looc", "trunk", "few_shot@5"]
    assert found == Estimate.of([40.0, 44.0]) and found.over == "seeds"
    assert SAID not in markdown([one for one in both if one["probe"] == "few_shot@5"])
    assert SAID not in markdown([record("object", 50.0)])


def test_a_difference_and_a_balanced_accuracy_have_no_interval_of_draws():
    moco = [record("few_shot@5", 30.0, method="moco", half=1.0)]
    (taken,) = [one for one in minus([*ONE, *moco], "moco", "trunk") if one["method"] == "looc"]
    assert taken["value"] == 10.0 and str(summarise([taken])["looc", "trunk", "few_shot@5"]) == "10.0"
    assert difference([*ONE, *moco], ("looc", "trunk"), ("moco", "trunk"), "few_shot@5").mean == 10.0
    uneven = [record("few_shot@5", 40.0, half=1.25, chance=10.0, majority=60.0, balanced=25.0)]
    assert "| 25.0 |" in markdown(uneven).replace("*", "") and "few_shot@5 balanced" in markdown(uneven)


def test_an_evaluation_of_many_values_shows_its_own_and_says_where_the_others_are():
    many = [record(f"draws_on@class {number}", 50.0, representation="all") for number in range(1000)]
    records = [record("object", 50.0, representation="all"), *many]
    with_own = [*records, record("draws_on", 51.0, representation="all")]
    assert markdown(with_own).splitlines()[0] == "| method | representation | object | draws_on |"
    line = "draws_on: 1,000 values more of each representation are in results.json"
    assert markdown(with_own).endswith(line) and line in printed(with_own)
    assert len(matrix(with_own).axes[0].get_xticklabels()) == 2
    few = [one for one in with_own if one["probe"] not in {f"draws_on@class {number}" for number in range(8, 1000)}]
    assert markdown(few).splitlines()[0].count("draws_on") == 9
    assert markdown(many).splitlines()[0].count("draws_on") == 1000  # else there would be nothing


NAMES = ("a|b", "[red]x[/red]", "[/]", "$\\frac{a$", "_", "<b>", "x" * 300)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_classes_break_no_table_and_no_picture(name):
    records = [record("object", 50.0), record(f"draws_on@{name}", 40.0)]
    lines = markdown(records).splitlines()
    assert lines[0].replace("\\|", "").count("|") == 5
    shown = printed([records[0], record(f"draws_on@{name[:20]}", 40.0)])
    assert f"draws_on@{name[:20]}" in shown
    assert render(matrix(records)).startswith(b"\x89PNG")


def test_the_interval_of_draws_is_written_and_read(tmp_path):
    reading = Reading("trunk", "few_shot@5", 40.0, 10.0, 41.0, half=1.25)
    from looc_tf.results import Provenance

    write_results(tmp_path / "results.json", [reading.record("r", "looc", 0, Provenance())])
    (found,) = read_results(tmp_path / "results.json")
    assert found["half"] == 1.25 and summarise([found])["looc", "trunk", "few_shot@5"].half == 1.25
