"""report.html: one page that needs no other file, whatever the runs on it are."""

import re

import pytest
from helpers import tiny

from looc_tf.data import census_of, open_parts
from looc_tf.report.page import write_page
from looc_tf.report.runs import evaluate_run
from looc_tf.run import load_run
from looc_tf.training import train

LITTLE = ("training.steps=0", "evaluation.neighbors=[5]", "evaluation.strengths=[0.1]")
HISTORY = "step,learning_rate,loss,accuracy,knn\n1,0.1,1.5,0.5,\n2,0.1,1.25,0.5,40\n"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return open_parts(str(tiny.draw(tmp_path_factory.mktemp("data") / "pictures")), size=16)


@pytest.fixture(scope="module")
def runs(sources, tmp_path_factory):
    """A contrastive run and a supervised one, of no steps, evaluated, with a history as that of a training."""
    place = tmp_path_factory.mktemp("runs")
    found = {}
    for label, more in {"looc": (), "supervised": ("method.name=supervised",)}.items():
        path = train(tiny.experiment(sources["train"].name, f"name=little/{label}", *LITTLE, *more), place / label)
        (path / "history.csv").write_text(HISTORY)
        found[label] = load_run(path)
    return found


@pytest.fixture(scope="module")
def records(runs, sources):
    return [record for run in runs.values() for record in evaluate_run(run, sources=sources, page=False).records]


def sections(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:)', text), "it needs another file"
    return {part.partition("</h2>")[0]: part for part in text.split("<h2>")[1:]}


@pytest.mark.parametrize("order", [("looc", "supervised"), ("supervised", "looc"), ("supervised",)])
def test_a_supervised_run_alone_and_beside_a_contrastive_one(runs, records, sources, order, tmp_path):
    chosen = {label: runs[label] if label == "looc" else runs[label].path for label in order}  # open, or a folder
    mine = [record for record in records if record["method"] in order]
    page = write_page(tmp_path / "report.html", chosen, mine, sources, notes=["A <note>."])
    found = sections(page)
    assert list(found) == [
        "What can be read from each representation",
        "Nearest neighbors",
        "Views",
        "Training",
        "How this was made",
    ]
    neighbors = found["Nearest neighbors"].partition("<noscript>")[2].partition("</noscript>")[0]  # without a script
    rows = dict.fromkeys(re.findall("<strong>(.*?)</strong>", neighbors))
    spaces = ["looc: all", "looc: rotation"] if order[0] == "looc" else []
    assert list(rows) == [f"{order[0]}: trunk", *spaces, *(f"{label}: trunk" for label in order[1:])]
    classes = re.findall("<span>query: (.*?)</span>", found["Nearest neighbors"])
    assert len(classes) == min(6, len(sources["test"])) and set(classes[:3]) == {"disc", "bar", "noise"}
    assert all(f"<strong>{label}</strong>: 0 steps" in found["How this was made"] for label in order)
    census = str(census_of([sources["train"]]))
    assert found["How this was made"].count(f"Trained on {census}.") == len(order)
    assert f'<p class="soft">{census_of(sources.values())}</p>' in page.read_text().split("<section>")[0]
    assert "left out: texture: no such label" in found["What can be read from each representation"]
    assert (
        "<td>rotation</td>" in found["Views"] if order[0] == "looc" else "key" not in found["Views"].split("<table")[1]
    )
    assert "A &lt;note&gt;." in page.read_text()
    assert "the trunk knows the object" in page.read_text()


def test_pictures_of_one_kind_without_a_validation_part(runs, tmp_path):
    """A small set may have none; it is then carved from the training part, and the page died of it."""
    parts = open_parts(str(tiny.draw(tmp_path / "flat", classes=("disc",), each=40)), size=16)
    del parts["validation"]
    records = evaluate_run(runs["looc"], sources=parts, page=False).records
    assert {record["probe"] for record in records} == {"rotation", "hue"}
    page = write_page(tmp_path / "report.html", {"looc": runs["looc"]}, records, parts).read_text()
    assert f"{len(parts['train'])} pictures to train on" in page and "one in ten of them" in page
    assert "left out: texture: no such label; object, knn: it needs two classes in the training part" in page
    assert f"{parts['train'].name}: {len(parts['train'])} training pictures (1 class: disc), " in page


def test_runs_measured_on_two_data_sets_stand_below_each_other(runs, records, sources, tmp_path):
    """As in a pipeline, where the pictures have become more since a model was blessed: no mean, no common colors."""
    moved = [{**record, "method": "blessed", "pictures_sha256": "0" * 64} for record in records]
    both = write_page(tmp_path / "both.html", {"looc": runs["looc"], "blessed": runs["looc"]}, records + moved, sources)
    assert "blessed" in both.read_text()


def test_only_what_is_the_querys_own_draw_is_marked_in_the_table_of_views(records, sources, tmp_path):
    """The small crop of the first small view is its number 0, and the query has none."""
    chain = "views.chain={crop: {}, local: {kind: crop, size: 8}, rotation: {}}"
    settings = ("method.local_views=2", "method.spaces=[{name: all}, {name: rotation, shares: [rotation]}]", chain)
    small = tiny.experiment(sources["train"].name, "method.name=simclr", "name=little/small", *LITTLE, *settings)
    run = load_run(train(small, tmp_path / "small"))
    table = sections(write_page(tmp_path / "report.html", {"small": run}, records, sources))["Views"].split("<table")[1]
    cells = [re.findall(r"<td( class=\"same\")?>([^<]*)", part) for part in table.split("<tr>")[2:]]
    marked = {row[0][1]: [text for same, text in row[1:4] if same] for row in cells}
    assert marked == {"query": ["0", "0"], "all": [], "rotation": ["0"], "local1": [], "local2": ["0"]}
