"""Intervals, tables, pictures and files of results."""

import io
import math

import numpy as np
import pytest
from rich.console import Console

from looc_tf.errors import UserError
from looc_tf.evaluate import Estimate, difference, read_results, summarise, write_results
from looc_tf.results.figure import matrix, matrix_figure, render
from looc_tf.results.summary import minus, representations_of
from looc_tf.results.tables import markdown, screen


def records(method, representation, probe, values):
    keys = {"method": method, "representation": representation, "probe": probe}
    return [{"run": f"{method}-{seed}", "seed": seed, **keys, "value": value} for seed, value in enumerate(values)]


BOTH = [
    *records("looc", "color", "hue", [95.0, 94.0, 96.0]),
    *records("looc", "trunk", "hue", [90.0, 91.0, 95.0]),
    *records("looc", "trunk", "rotation", [60.0, 62.0, 64.0]),
    *records("moco", "trunk", "hue", [40.0, 43.0, 43.0]),
]


def test_interval_is_the_hand_computed_one():
    # values 60, 62, 64: mean 62, deviation 2, t(0.975, 2) = 4.30265: half = 4.30265 * 2 / sqrt(3) = 4.96828
    estimate = summarise(BOTH)["looc", "trunk", "rotation"]
    assert (estimate.mean, estimate.count) == (62.0, 3)
    assert estimate.half == pytest.approx(4.96828, abs=1e-4)
    assert str(estimate) == "62.0 ± 5.0"
    assert str(Estimate.of([1.0])) == "1.0" and math.isinf(Estimate.of([1.0]).half)


def test_difference_is_paired_by_seed():
    # differences 50, 48, 52: mean 50, deviation 2
    estimate = difference(reversed(BOTH), ("looc", "trunk"), ("moco", "trunk"), "hue")
    assert (estimate.mean, estimate.count) == (50.0, 3)
    assert estimate.half == pytest.approx(4.96828, abs=1e-4)
    partial = [record for record in BOTH if (record["method"], record["seed"]) != ("moco", 0)]
    assert difference(partial, ("looc", "trunk"), ("moco", "trunk"), "hue").count == 2
    assert difference(BOTH, ("looc", "color"), ("looc", "trunk"), "hue").mean == pytest.approx(3.0)


def test_difference_and_summary_refuse_what_they_cannot_answer():
    with pytest.raises(UserError, match="looc/trunk/hue"):
        difference(BOTH, ("looc", "trunk"), ("mocko", "trunk"), "hue")
    apart = [record for record in BOTH if (record["method"] == "looc") == (record["seed"] == 0)]
    with pytest.raises(UserError, match="seed that both"):
        difference(apart, ("looc", "trunk"), ("moco", "trunk"), "hue")
    with pytest.raises(UserError, match="two of looc/color/hue with seed 0"):
        summarise([*BOTH, BOTH[0]])


def test_rows_stand_in_the_order_of_the_protocol():
    names = ["concat", "branch_all", "all", "color", "trunk"]
    assert representations_of(("m", name, "hue") for name in names) == ["trunk", "all", "color", "concat", "branch_all"]
    assert next(iter(summarise(BOTH))) == ("looc", "trunk", "rotation")


def test_one_space_is_not_shown_twice_and_two_are():
    one = [record for name in ("trunk", "all", "concat") for record in records("moco", name, "hue", [1.0, 2.0])]
    two = [record for name in ("branch_a", "a", "b", "concat") for record in records("looc", name, "hue", [1.0, 2.0])]
    shown = [cell[:2] for cell in summarise(one + two)]
    assert shown == [("moco", "trunk"), ("moco", "all"), *(("looc", name) for name in ("a", "b", "concat", "branch_a"))]


def test_markdown_marks_the_best_and_prints_chance():
    lines = markdown(BOTH, {"hue": 12.5, "rotation": 25.0}).splitlines()
    assert lines[0] == "| method | representation | rotation | hue |"
    assert lines[2] == "| looc | trunk | **62.0 ± 5.0** | 92.0 ± 6.6 |"
    assert lines[3] == "|  | color | – | **95.0 ± 2.5** |"
    assert lines[-1] == "| chance |  | 25.0 | 12.5 |"


def test_screen_shows_every_cell():
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(screen(BOTH, {"rotation": 25.0}, "title"))
    text = console.export_text()
    assert all(word in text for word in ("62.0 ± 5.0", "95.0 ± 2.5", "42.0 ± 4.3", "chance", "25.0", "title"))


def test_results_survive_a_round_trip(tmp_path):
    path = tmp_path / "results.json"
    write_results(path, BOTH)
    write_results(path, BOTH[:2])
    assert read_results(path) == BOTH[:2]
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_files_that_are_no_results_are_refused(tmp_path):
    with pytest.raises(UserError, match="looc evaluate"):
        read_results(tmp_path / "nothing.json")
    for content in ("{", "{}", '[{"run": "r"}]'):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(UserError):
            read_results(tmp_path / "bad.json")
    with pytest.raises(UserError, match="write"):
        write_results(tmp_path / "missing" / "results.json", BOTH)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_picture_has_a_panel_for_each_method(count):
    many = [{**record, "method": f"{record['method']}{number}"} for number in range(count) for record in BOTH[:9]]
    figure = matrix(many, "title", {"hue": 12.5})
    assert [axes.get_title() for axes in figure.axes] == [f"looc{number}" for number in range(count)]
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"92.0", "± 6.6", "95.0", "62.0", "–", "chance 12.5"} <= texts


def test_a_title_that_is_the_name_of_the_one_method_stands_once():
    assert matrix(BOTH[:9], "looc", {})._suptitle is None
    assert matrix(BOTH, "looc", {})._suptitle.get_text() == "looc"


def test_pictures_are_written_in_the_format_of_their_name(tmp_path):
    matrix_figure(BOTH, tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in render(matrix(BOTH), "svg")
    assert np.isfinite(matrix(BOTH[:1]).get_size_inches()).all()
    with pytest.raises(UserError, match="none"):
        matrix([])


def test_minus_takes_the_baseline_of_the_same_seed_off():
    rows = [("moco", 0, 50.0), ("moco", 1, 60.0), ("looc", 0, 55.0), ("looc", 1, 63.0), ("looc", 2, 99.0)]
    records = [
        {"run": method, "method": method, "seed": seed, "representation": "trunk", "probe": "hue", "value": value}
        for method, seed, value in rows
    ]
    left = {(record["method"], record["seed"]): record["value"] for record in minus(records, "moco", "trunk")}
    assert left == {("moco", 0): 0.0, ("moco", 1): 0.0, ("looc", 0): 5.0, ("looc", 1): 3.0}
    with pytest.raises(UserError, match="moco/trunk"):
        minus(records, "moko", "trunk")
