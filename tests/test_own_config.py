"""docs/configs.md: its configs are read as they stand, its table is that of the augmentations."""

import inspect
import re
from pathlib import Path

import pytest
import yaml

from looc_tf import experiments
from looc_tf.augment import AUGMENTATIONS
from looc_tf.config import Experiment, names
from looc_tf.errors import UserError
from looc_tf.registry import run_file

TEXT = (Path(__file__).parents[1] / "docs" / "configs.md").read_text(encoding="utf8")
TAKEN_FROM_ELSEWHERE = {"size", "channels"}  # settings whose value a config need not say


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def fog(tmp_path):
    (code,) = blocks("python")
    (tmp_path / "fog.py").write_text(code)
    run_file(tmp_path / "fog.py")
    yield
    del AUGMENTATIONS["fog"]


@pytest.mark.parametrize("text", blocks("yaml"), ids=lambda text: re.search(r"name: (\w+)", text)[1])
def test_every_config_of_the_page_is_read(fog, tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text)
    experiment = experiments.load(tmp_path / "mine.yaml")
    stated = yaml.safe_load(text)
    assert experiment.name == stated["name"] and experiment.data.name == "PHOTOS"
    assert set(stated) - {"base"} <= {*Experiment.__dataclass_fields__}


def test_the_whole_config_is_one(tmp_path):
    first = yaml.safe_load(blocks("yaml")[0])
    assert "base" not in first and {"data", "views", "method", "training"} <= set(first)
    assert blocks("yaml")[0].count("\n") <= 16


def test_the_table_has_every_augmentation_with_its_settings_and_their_defaults():
    table = TEXT.partition("## Augmentations")[2].partition("## An augmentation")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", table, re.MULTILINE))
    assert list(rows) == list(AUGMENTATIONS.shipped)
    for name, row in rows.items():
        stated = dict(re.findall(r"`(\w+)(?:: ([^`]*))?`", row))
        kind = AUGMENTATIONS[name]
        assert set(stated) == set(kind.settings)
        for setting, parameter in inspect.signature(kind.__init__).parameters.items():
            if setting in set(kind.settings) - TAKEN_FROM_ELSEWHERE:
                default, told = parameter.default, yaml.safe_load(stated[setting])
                assert told == pytest.approx(list(default) if isinstance(default, tuple) else default, abs=5e-4)


def test_a_shipped_config_may_be_begun_from_by_name_and_a_sibling_comes_first(tmp_path):
    """Before, `base: factors/looc` in a file of one's own was refused with "Expected one of (none)"."""
    (tmp_path / "mine.yaml").write_text("base: factors/looc\nname: mine\n")
    shipped = experiments.load("factors/looc")
    mine = experiments.load(tmp_path / "mine.yaml")
    assert (mine.name, mine.views, mine.training) == ("mine", shipped.views, shipped.training)
    (tmp_path / "factors").mkdir()
    (tmp_path / "factors" / "looc.yaml").write_text("base: factors/looc\nseed: 7\n")
    assert experiments.load(tmp_path / "mine.yaml").seed == 7
    (tmp_path / "mine.yaml").write_text("base: factors/look\n")
    with pytest.raises(UserError, match=r"Unknown base .* 'factors/look'. Did you mean 'factors/looc'\? Expected one"):
        experiments.load(tmp_path / "mine.yaml")
    assert "factors/looc" in names()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "name: x\ndata:\n\tname: y\n",
            "mine.yaml: cannot be read as YAML: line 3 begins with a tab, indent with spaces",
        ),
        ("name: [x\n", "mine.yaml: cannot be read as YAML: "),
        ("seed: 0\nseed: 1\n", "mine.yaml: cannot be read as YAML: "),
    ],
)
def test_a_file_that_is_no_yaml_is_named_once(tmp_path, monkeypatch, text, said):
    """Before, its name stood there twice, and YAML had no word for a tab."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        experiments.load("mine.yaml")
    assert str(caught.value).startswith(said) and str(caught.value).count("mine.yaml") == 1


def test_a_file_of_another_ending_is_proposed(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    with pytest.raises(UserError, match=r"There is no config '.*mine.yml'. Did you mean '.*mine.yaml'\?"):
        experiments.load(tmp_path / "mine.yml")


@pytest.mark.parametrize("name", [".", "", "..", "/"])
def test_a_folder_is_no_config(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="There is no config"):
        experiments.load(name)
