"""Any printable name does, of a folder or a file, in every command: no library takes it for a pattern or an address."""

import os
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import awkward, tiny

from looc_tf.errors import UserError
from looc_tf.export.tables import TABLES
from looc_tf.files import scratch, typed, without_patterns, write_atomically
from looc_tf.run import load_run, resume_command


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Pictures, and a run of two steps on them."""
    place = awkward.Place(tmp_path_factory.mktemp("awkward"), "plain")
    pictures = tiny.draw(place.base / "base", each=14)
    place.prepare(pictures)
    assert next(call() for name, call in place.commands() if name == "train") == ""
    return pictures, place.real / "plain"


@pytest.mark.parametrize("name", awkward.FEW)
def test_every_command_works_in_a_folder_of_any_name(name, trained, tmp_path):
    """By a path that is not absolute, which is the harder one; tests/slow has all names, and both kinds of paths."""
    with awkward.working_in(tmp_path):
        place = awkward.Place(tmp_path, name, relative=True)
        place.prepare(*trained)
        said = {what: call() for what, call in place.commands(steps=0, whole=False)}
    assert not any(said.values()), {what: text for what, text in said.items() if text}
    assert place.wrote() == []


@pytest.mark.parametrize("name", ["my results", "a:b", "100%", "[1]", "fotos_für_mich", "plain"])
def test_a_parquet_table_is_written_where_its_folder_is_no_address(name, tmp_path):
    import pandas

    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    (tmp_path / name).mkdir()
    with awkward.working_in(tmp_path):
        table = TABLES[".parquet"](Path(name), {"all": 3})
        table.write(["one", "two"], {"all": rows})
        written = pandas.read_parquet(table.close().absolute())
    assert list(written["id"]) == ["one", "two"]
    np.testing.assert_array_equal(np.stack(written["all"]), rows)


def test_a_folder_is_read_by_its_name_though_another_one_matches_it(trained, tmp_path):
    """`[a]` as a pattern is `a`, which is another run."""
    other = shutil.copytree(trained[1], tmp_path / "a")
    (other / "checkpoints" / "ckpt-2.index").write_bytes(b"damaged")
    assert load_run(shutil.copytree(trained[1], tmp_path / "[a]")).step == 2


@pytest.mark.parametrize("name", ["[x]", "back\\slash", "a*b?"])
def test_a_temporary_folder_of_an_awkward_name_is_no_hindrance(name, trained, tmp_path, monkeypatch):
    (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    out = shutil.copytree(trained[1], tmp_path / name / "run")
    assert load_run(out).step == 2 and not [each for each in (tmp_path / name).iterdir() if each != out]


def test_a_plain_name_needs_no_other(tmp_path):
    with without_patterns(tmp_path) as folder:
        assert folder == tmp_path
    (tmp_path / "[1]").mkdir()
    with without_patterns(tmp_path / "[1]") as folder:
        assert folder.samefile(tmp_path / "[1]") and tf.io.gfile.glob(str(folder)) == [str(folder)]
    assert not folder.exists() and (tmp_path / "[1]").is_dir()


@pytest.mark.parametrize("name", ["x" * 255, "照" * 85, "x" * 240])
def test_a_name_may_be_as_long_as_the_file_system_takes(name, tmp_path):
    write_atomically(tmp_path / name, "content")
    assert (tmp_path / name).read_text() == "content" and os.listdir(tmp_path) == [name]
    with scratch(tmp_path / f"{name[:-1]}y") as folder:
        assert folder.parent == tmp_path
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["-dash", "a b", "it's", "$HOME", "lr[0.1]", "~x"])
def test_a_command_that_is_shown_can_be_typed(name):
    _, _, config, _, out, resume = shlex.split(resume_command(Path(name)))
    assert (os.path.normpath(config), os.path.normpath(out), resume) == (f"{name}/config.yaml", name, "--resume")
    assert not config.startswith("-") and shlex.split(typed(name))[0].lstrip("./") == name.lstrip("./")


def test_no_advice_throws_a_sound_training_away(trained, tmp_path):
    """As long as there are checkpoints nobody is told to train again, whatever else is missing."""
    out = shutil.copytree(trained[1], tmp_path / "run")
    broken = shutil.copytree(trained[1], tmp_path / "broken")
    for path in broken.glob("checkpoints/ckpt-*.data*"):
        path.write_bytes(b"")
    for name, damage in {
        "config.yaml": lambda: (out / "config.yaml").unlink(),
        "run.json": lambda: (broken / "run.json").unlink(),
        "checkpoints": lambda: shutil.copy(trained[1] / "run.json", broken / "run.json"),
    }.items():
        damage()
        with pytest.raises(UserError, match=name) as refusal:
            load_run(out if name == "config.yaml" else broken)
        said = str(refusal.value)
        assert "put" in said.lower() and "rain again" not in said and "Train one" not in said, said
