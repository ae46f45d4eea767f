"""Studies as files: what rows become, and what is refused in one line."""

import dataclasses
from pathlib import Path

import pytest

from looc_tf import config, methods
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.studies import Claim, Column, Row, Study, read_study, study_names
from looc_tf.studies.planning import rows_of

PAPER = "imagenet100/looc-color-rotation-texture"
BASES = ["factors/looc", "cifar10/looc-rotation", "grocery/looc-color-rotation", PAPER]


@pytest.mark.parametrize("name", study_names())
@pytest.mark.parametrize("base", BASES)
def test_every_row_of_every_study_can_be_trained_from_every_base(name, base):
    study = read_study(name)
    made = rows_of(study, load(base), seed=3)
    assert list(made) == [row.name for row in study.rows]
    assert {each.seed for each in made.values()} == {3}
    assert len({config.training_id(each) for each in made.values()}) == len(study.rows)
    for claim in study.claims:
        assert claim.row != claim.than


def test_rows_of_the_first_table_are_the_papers():
    """Xiao et al. 2021, table 1: by what is varied and what each space's key shares."""
    made = rows_of(read_study("table1"), load("factors/looc"), seed=0)
    base = load("factors/looc")
    varied = {name: [each for each in made[name].views.chain if each != "crop"] for name in made}
    shared = {name: [(s.name, s.shares) for s in made[name].method.spaces] for name in made}
    assert varied == {
        "MoCo": ["color"],
        "MoCo + rotation": ["color", "rotation"],
        "MoCo + rotation (same)": ["color", "rotation"],
        "LooC + rotation": ["color", "rotation"],
    }
    assert shared["MoCo"] == shared["MoCo + rotation"] == [("all", ())]
    assert shared["MoCo + rotation (same)"] == [("same", ("rotation",))]
    assert shared["LooC + rotation"] == [("all", ()), ("rotation", ("rotation",))]
    for each in made.values():  # all else is the base's, temperatures and queues too
        assert (each.model, each.optimizer, each.training) == (base.model, base.optimizer, base.training)
        assert {(s.temperature, s.queue) for s in each.method.spaces} == {(0.1, 256)}
        assert each.views.chain["color"] == base.views.chain["color"]


def test_as_many_passes_as_another_row():
    made = rows_of(read_study("ablations"), load("factors/looc"), seed=0)
    equal = made["MoCo, as many passes"]
    assert equal.training.steps == 2 * made["MoCo"].training.steps  # four views against two
    passes = {name: each.training.steps * methods.forwards(each) for name, each in made.items()}
    assert passes["MoCo, as many passes"] == passes["LooC"]


def test_a_row_may_set_fields_and_vary_what_the_base_has_not():
    rows = (Row("a", ("texture",), ({"mine": "texture"},), {"method.branch_per_space": True, "training.steps": 7}),)
    made = rows_of(Study("t", "p", rows, (Column("object", "object"),)), load("factors/looc"), 0)["a"]
    assert list(made.views.chain) == ["crop", "texture"] and made.method.branch_per_space
    assert made.training.steps == 7 and [(s.name, s.shares) for s in made.method.spaces] == [("mine", ("texture",))]


def test_a_field_of_all_spaces_and_settings_of_an_augmentation_can_be_set():
    made = rows_of(read_study("ablations"), load("factors/looc"), seed=0)
    assert {space.queue for space in made["queue of 4,096"].method.spaces} == {4096}
    assert made["LooC"].method.sibling_negatives and not made["no sibling negatives"].method.sibling_negatives
    again = made["collisions drawn again"].views.chain
    assert [name for name in again if again[name].get("resample_collisions")] == ["color", "rotation"]
    added = made["add-one"]
    assert [(s.name, s.shares) for s in added.method.spaces] == [
        ("added_color", ("rotation",)),
        ("added_rotation", ("color",)),
    ]
    assert {name: given.get("only") for name, given in added.views.chain.items()} == {
        "crop": None,
        "color": "keys",
        "rotation": "keys",
    }
    chains = {tuple(made[name].views.chain) for name in ("no space", "1 space", "2 spaces", "3 spaces")}
    assert chains == {("crop", "color", "rotation", "texture")}
    assert [len(made[name].method.spaces) for name in ("no space", "1 space", "2 spaces", "3 spaces")] == [1, 2, 3, 4]


@pytest.mark.parametrize("field", ["training", "views.chain.blur.only", "method.space.queue", "method.spaces.rows", ""])
def test_a_field_that_is_not_there_cannot_be_set(field):
    rows = (Row("x", ("color",), set={field: 3}),)
    with pytest.raises(UserError, match=r"row 'x': Expected a field of a config"):
        rows_of(Study("t", "p", rows, (Column("object", "object"),)), load("factors/looc"), 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"claims": (Claim("x", "b", "a", "object"),)}, "Unknown row 'b'"),
        ({"claims": (Claim("x", "a", "a", "hue"),)}, "Unknown column 'hue'"),
        ({"printed": {"a": {"object": 1.0}, "c": {"object": 1.0}}}, "Unknown row 'c'"),
        ({"rows": (Row("a", ()), Row("a", ("color",)))}, "rows of different names"),
        ({"rows": ()}, "rows of different names, one at least"),
        ({"rows": (Row("a", (), passes_of="b"),)}, "Unknown row 'b'"),
    ],
)
def test_a_study_whose_names_do_not_fit_is_refused(changes, words):
    study = Study("t", "p", (Row("a", ("color",)),), (Column("object", "object"),))
    with pytest.raises(UserError, match=words):
        dataclasses.replace(study, **changes).check()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title: x\npaper: y\nrows: []\ncolumns: []\nclaim: []", "claim"),
        ("title: x\npaper: y\nrows: [{name: a, varies: [color], space: [all]}]\ncolumns: []", "space"),
        ("title: !!python/object/apply:os.system [ls]", "cannot be read as YAML"),
        ("- 1", "expected sections"),
    ],
)
def test_a_file_that_is_no_study_is_one_line(text, words, tmp_path):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=words) as refused:
        read_study(tmp_path / "mine.yaml")
    assert str(refused.value).startswith(str(tmp_path / "mine.yaml"))


def test_a_row_that_cannot_work_is_named():
    rows = (Row("odd", ("color",), ("rotation",)),)
    with pytest.raises(UserError, match=r"row 'odd': .*shares 'rotation', which is not in the chain"):
        rows_of(Study("t", "p", rows, (Column("object", "object"),)), load("factors/looc"), 0)
    with pytest.raises(UserError, match=r"row 'x': Expected a field of a config"):
        rows = (Row("x", ("color",), set={"training.stepz": 3}),)
        rows_of(Study("t", "p", rows, (Column("object", "object"),)), load("factors/looc"), 0)


def test_an_unknown_study_is_one_line_with_the_nearest():
    with pytest.raises(UserError, match=r"Unknown study 'tabel1'. Did you mean 'table1'"):
        read_study("tabel1")


def test_the_study_in_the_document_works(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "reproduce.md").read_text(encoding="utf8")
    (tmp_path / "mine.yaml").write_text(text.partition("```yaml\n")[2].partition("```")[0])
    made = rows_of(read_study(tmp_path / "mine.yaml"), load("factors/looc"), seed=0)
    assert made["LooC++"].method.branch_per_space and len(made) == 4
