"""The curves: every space of every run, each loss beside the chance level that its run has logged."""

import math

import pytest

from looc_tf.report.curves import curves_figure, read_history


def write(folder, header, *rows):
    folder.mkdir(parents=True)
    (folder / "history.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def looc(folder, spaces=("all", "color"), siblings=1, queue=20):
    """A history as training writes it, with the loss of guessing among siblings and queue."""
    level = f"{math.log(1 + siblings + queue):.9g}"
    measures = ("loss", "accuracy", "spread", "effective_rank", "chance_loss")
    columns = [f"{space}/{measure}" for space in spaces for measure in measures]
    values = ["2.5", "0.25", "0.9", "6.5", level] * len(spaces)
    rows = [",".join([str(step), "0.1", "2.5", *values, ""]) for step in (2, 4)]
    return write(folder, ",".join(["step", "learning_rate", "loss", *columns, "knn"]), *rows)


def panels(figure):
    """Panel -> (labels of curves, heights of horizontal lines)."""
    found = []
    for axis in figure.axes:
        levels = [line for line in axis.lines if list(line.get_xdata()) == [0, 1]]
        curves = [line.get_label() for line in axis.lines if line not in levels]
        found.append((curves, sorted({float(line.get_ydata()[0]) for line in levels})))
    return dict(zip(("loss", "accuracy", "effective_rank"), found))


def test_the_level_of_chance_counts_siblings(tmp_path):
    """log(1 + S + K), as the title says; it was drawn as log(1 + K)."""
    drawn = panels(curves_figure({"looc": looc(tmp_path / "looc", siblings=3)}))
    assert drawn["loss"][1] == [pytest.approx(math.log(1 + 3 + 20), abs=1e-6)]
    assert drawn["accuracy"][1] == drawn["effective_rank"][1] == []


def test_several_runs_stand_side_by_side(tmp_path):
    runs = {"looc": looc(tmp_path / "looc"), "moco": looc(tmp_path / "moco", ("all",), siblings=0, queue=50)}
    figure = curves_figure(runs)
    drawn = panels(figure)
    for panel in ("loss", "accuracy", "effective_rank"):
        assert drawn[panel][0] == ["looc: all", "looc: color", "moco: all"]
    assert drawn["loss"][1] == [pytest.approx(math.log(22)), pytest.approx(math.log(51))]
    first, _, last = (line for line in figure.axes[1].lines)
    assert first.get_color() == last.get_color() and first.get_linestyle() != last.get_linestyle()
    assert figure.axes[0].get_legend() is not None


def test_a_supervised_run_shows_its_own_loss_and_accuracy(tmp_path):
    row = "2,0.1,1.25,0.5,40"
    supervised = write(tmp_path / "supervised", "step,learning_rate,loss,accuracy,knn", row)
    assert panels(curves_figure({"s": supervised})) == {
        "loss": (["s"], []),
        "accuracy": (["s"], []),
        "effective_rank": ([], []),
    }
    drawn = panels(curves_figure({"s": supervised, "looc": looc(tmp_path / "looc")}))
    assert drawn["loss"][0] == ["s", "looc: all", "looc: color"]
    assert drawn["effective_rank"][0] == ["looc: all", "looc: color"]


def test_no_runs_and_runs_without_a_history(tmp_path):
    (tmp_path / "random").mkdir()
    for runs in ({}, {"random": tmp_path / "random"}):
        figure = curves_figure(runs)
        assert panels(figure) == {"loss": ([], []), "accuracy": ([], []), "effective_rank": ([], [])}
        assert figure.axes[0].get_legend() is None


def test_an_empty_cell_is_no_number(tmp_path):
    history = read_history(looc(tmp_path / "looc") / "history.csv")
    assert history["step"] == [2, 4] and all(map(math.isnan, history["knn"]))


def test_a_loss_below_zero_is_seen_and_siblings_have_a_panel_of_their_own(tmp_path):
    """SimSiam's loss is a cosine, -1 at best; the axis began at 0."""
    header = "step,loss,all/loss,all/effective_rank,rotation/loss,rotation/effective_rank,rotation/sibling_accuracy"
    run = write(tmp_path / "simsiam", header, "2,-0.4,-0.3,5,-0.5,4,0.6", "4,-0.9,-0.8,5,-0.95,4,0.7")
    figure = curves_figure({"simsiam": run})
    loss, _, _, siblings = figure.axes
    assert loss.get_ylim()[0] <= -0.95 and siblings.get_ylim()[0] == 0
    assert [line.get_label() for line in siblings.lines] == ["simsiam: rotation"]
    assert len(curves_figure({"looc": looc(tmp_path / "looc")}).axes) == 3
