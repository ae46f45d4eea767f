"""Records know their pictures, checkpoint and code, and nothing is averaged that does not belong together."""

import io
import json

import pytest
from rich.console import Console

from looc_tf import load_config
from looc_tf.config import to_yaml, training_id
from looc_tf.errors import UserError
from looc_tf.evaluate import Reading
from looc_tf.results import (
    Provenance,
    apart,
    by_data,
    comparison,
    difference,
    minus,
    read_results,
    summarise,
    write_results,
)
from looc_tf.results.figure import matrix
from looc_tf.results.records import KEYS, row_names
from looc_tf.results.tables import markdown, screen

CIFAR = Provenance("cifar10/looc-rotation", "CIFAR10", 18_000, "c" * 64, "last", 3000, "0.1.0", "abc")
GROCERY = Provenance("grocery/looc-rotation", "GROCERY", 5_000, "d" * 64, "last", 1200, "0.1.0", "abc")


def record(provenance, seed=0, value=50.0, method="looc-rotation", representation="trunk", run=None):
    return Reading(representation, "object", value, 10.0, value).record(run or method, method, seed, provenance)


def changed(provenance, **changes):
    return Provenance(**{**vars(provenance), **changes})


MIXED = [record(CIFAR, 0, 50.0), record(GROCERY, 1, 20.0)]  # one label, another seed: they were averaged


def test_one_label_on_two_data_sets_is_never_averaged():
    assert {cell[0]: value.mean for cell, value in summarise(MIXED).items()} == {
        "cifar10/looc-rotation": 50.0,
        "grocery/looc-rotation": 20.0,
    }
    one_config = [record(CIFAR, 0), record(changed(GROCERY, config=CIFAR.config), 1)]
    with pytest.raises(UserError, match=r"on one data set, received two: CIFAR10: 18,000 pictures \(c+\), and GROCERY"):
        summarise(one_config)
    assert [len(block) for block in by_data(one_config).values()] == [1, 1]


@pytest.mark.parametrize("show", [markdown, lambda records: text(screen(records))])
def test_tables_stand_one_below_the_other(show):
    shown = show([record(CIFAR, 0, 50.0), record(GROCERY, 0, 20.0), record(CIFAR, 1, 52.0)])
    assert "51.0" in shown and "20.0" in shown and shown.count("looc-rotation") == 2
    places = [shown.index(name) for name in ("CIFAR10: 18,000 pictures (cccccccc)", "51.0", "GROCERY: 5,000", "20.0")]
    assert places == sorted(places)


def text(table):
    console = Console(width=100, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()


def test_a_name_is_no_markup():
    assert "m[bold]x" in text(screen([record(changed(CIFAR, data="[red]photos"), method="m[bold]x")]))
    assert "[red]photos: 18,000" in text(screen([record(changed(CIFAR, data="[red]photos"))]))


def test_the_picture_has_a_part_for_each_data_set():
    figure = matrix(MIXED)
    assert [part.get_suptitle() for part in figure.subfigs] == [
        "CIFAR10: 18,000 pictures (cccccccc)",
        "GROCERY: 5,000 pictures (dddddddd)",
    ]
    assert [axis.get_title() for axis in figure.axes] == ["looc-rotation", "looc-rotation"]
    assert figure.get_figheight() > 1.9 * matrix(MIXED[:1]).get_figheight()
    assert not matrix(MIXED[:1]).subfigs


def test_differences_are_taken_on_one_data_set():
    moco = record(changed(GROCERY, config="grocery/moco"), 0, 10.0, method="moco")
    mine = [record(CIFAR, 0, 50.0), moco]
    with pytest.raises(UserError, match="looc-rotation and moco on one data set"):
        difference(mine, ("looc-rotation", "trunk"), ("moco", "trunk"), "object")
    with pytest.raises(UserError, match="looc-rotation and moco on one data set"):
        minus(mine, "moco", "trunk")
    same = [record(GROCERY, 0, 50.0), moco]
    assert difference(same, ("looc-rotation", "trunk"), ("moco", "trunk"), "object").mean == 40.0


def test_a_comparison_takes_the_baseline_of_the_same_data_set_off(tmp_path):
    for name, own in {"a": CIFAR, "b": GROCERY}.items():
        other = changed(own, config=own.config.replace("looc-rotation", "moco"))
        level = 50.0 if own is CIFAR else 20.0
        for part, records in {
            "looc": [record(own, 0, level + 5), record(own, 0, level + 2, representation="all")],
            "moco": [
                record(other, 0, level, method="moco"),
                record(other, 0, 1.0, method="moco", representation="all"),
            ],
        }.items():
            (tmp_path / name / part).mkdir(parents=True)
            write_results(tmp_path / name / part / "results.json", records)
    paths = sorted(path.parent for path in tmp_path.rglob("results.json"))
    assert [r["value"] for r in comparison(paths, "moco")] == [5.0, 2.0, 0.0, -49.0, 5.0, 2.0, 0.0, -19.0]
    assert [r["value"] for r in comparison(paths[:2], "moco/all")][:2] == [54.0, 51.0]
    assert len(comparison(paths)) == 8
    with pytest.raises(UserError, match="Did you mean 'moco/trunk'"):
        comparison(paths, "moko")


def test_two_configs_under_one_label_have_rows_of_their_own():
    """Both on the same pictures, as with --data: the last part of their names does not tell them apart."""
    transfer = changed(CIFAR, config="grocery/looc-rotation")
    both = [record(CIFAR, 0), record(transfer, 1), record(changed(transfer, checkpoint="best"), 1)]
    assert list(map(row_names(both), both)) == [
        "cifar10/looc-rotation",
        "grocery/looc-rotation",
        "grocery/looc-rotation@best",
    ]
    assert minus(both, "grocery/looc-rotation", "trunk")[0]["seed"] == 1


def test_a_checkpoint_has_rows_of_its_own_and_a_step_too():
    best, step = (changed(CIFAR, checkpoint=name, step=2000) for name in ("best", "step-2000"))
    cells = summarise([record(CIFAR, 0, 50.0), record(best, 0, 55.0), record(step, 0, 53.0)])
    assert {cell[0]: value.mean for cell, value in cells.items()} == {
        "looc-rotation": 50.0,
        "looc-rotation@best": 55.0,
        "looc-rotation@step-2000": 53.0,
    }
    with pytest.raises(UserError, match="two of looc-rotation@best/trunk/object with seed 0"):
        summarise([record(best), record(best)])


def test_records_of_earlier_versions_say_their_checkpoint_by_the_name_of_their_run(tmp_path):
    old = [record(None, run=run) for run in ("looc-0", "looc-0/best", "looc-0/step-300", "looc-0/steps")]
    assert set(old[0]) == set(KEYS)
    (tmp_path / "results.json").write_text(json.dumps(old))
    read = read_results(tmp_path / "results.json")
    assert [Provenance.of(one).checkpoint for one in read] == ["last", "best", "step-300", "last"]
    assert {Provenance.of(one).pictures_sha256 for one in read} == {None}
    assert list(by_data(read)) == ["pictures not recorded (results of an earlier version)"]
    assert list(summarise(read[:3]))[1][0] == "looc-rotation@best"


def test_what_is_written_is_read_and_a_later_version_may_say_more(tmp_path):
    write_results(tmp_path / "results.json", [{**record(CIFAR), "later": 1}])
    (read,) = read_results(tmp_path / "results.json")
    assert Provenance.of(read) == CIFAR and read["later"] == 1


def test_runs_that_differ_in_more_than_their_seed_are_no_seeds_of_one_mean(tmp_path):
    """They were averaged: `looc compare` of two runs of one name and other steps."""
    runs = []
    for seed, steps in ((0, 100), (1, 100), (2, 300)):
        asked = load_config("factors/moco", [f"seed={seed}", f"training.steps={steps}", "evaluation.limit=9"])
        known = changed(CIFAR, config=asked.name, training=training_id(asked))
        runs.append(tmp_path / f"moco-{seed}" / f"best{seed}")
        runs[-1].mkdir(parents=True)
        write_results(runs[-1] / "results.json", [record(known, seed, 10.0 * steps, "moco")])
        (runs[-1].parent / "config.yaml").write_text(to_yaml(asked))
    records = comparison(runs)
    short, long = (records[at]["training"] for at in (0, 2))
    assert [str(mean) for mean in summarise(records).values()] == ["1000.0 ± 0.0", "3000.0"]
    assert apart(runs) == [f"moco#{short} and moco#{long} differ in training.steps: each has rows of its own."]
    assert not apart(runs[:2])
    assert list(map(row_names(records[:2]), records[:2])) == ["moco", "moco"]
    assert [each["value"] for each in comparison(runs, f"moco#{short}")] == [0.0, 0.0]
    older = [{**each, "training": None} for each in records[:1]]  # of a version that did not know: it stays in the row
    assert list(map(row_names(older + records[1:2]), older + records[1:2])) == ["moco", "moco"]


def test_an_id_of_a_training_hangs_on_what_its_weights_do():
    one = load_config("factors/looc")
    same = [["seed=5"], ["training.keep=9"], ["evaluation.limit=9"], ["data.name=elsewhere"], ["name=x/y"]]
    assert {training_id(load_config("factors/looc", each)) for each in same} == {training_id(one)}
    others = [["training.batch=64"], ["method.momentum=0.5"], ["views.chain.crop.area=[0.1, 1.0]"], ["model.width=8"]]
    assert len({training_id(load_config("factors/looc", each)) for each in others} | {training_id(one)}) == 5


def test_fields_that_came_later_leave_the_ids_of_earlier_trainings_as_they_were():
    """Pinned: else runs of weeks would be trained again."""
    known = {"factors/looc": "d99a73e4", "factors/moco": "34f05aeb", "cifar10/looc-rotation": "eb123a6e"}
    known |= {"grocery/looc-color-rotation": "85edb0ae", "cifar10/byol": "8362570c"}
    assert {name: training_id(load_config(name)) for name in known} == known
    assert training_id(load_config("factors/looc", ["method.sibling_negatives=false"])) != known["factors/looc"]
