"""Parts of a user's own: the tables that take them, the option that reads their file, the trial before a training."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from helpers import tiny
from PIL import Image

import looc_tf
from looc_tf import registry
from looc_tf.augment import AUGMENTATIONS, build
from looc_tf.cli import cli
from looc_tf.errors import UserError
from looc_tf.methods import METHODS
from looc_tf.models.own_backbone import BACKBONES
from looc_tf.registry import Registry, run_file
from looc_tf.run import export_command, resume_command
from looc_tf.views import View, ViewPlan, training_batches
from looc_tf.views.trial import try_own

FOG = '''
import looc_tf
from looc_tf import registry
from looc_tf.augment import AUGMENTATIONS


class Fog(looc_tf.Augmentation):
    """Mixes each picture with white."""

    numbers = 1

    def sample(self, u):
        return {"white": 0.8 * u[:, 0]}

    def apply(self, images, parameters):
        white = parameters["white"][:, None, None, None]
        return images * (1 - white) + white


AUGMENTATIONS["fog"] = Fog
'''
WITH_FOG = """
base: factors/looc
views: {chain: {crop: {}, fog: {}}}
method:
  spaces: [{name: all, queue: 256}, {name: fog, shares: [fog], queue: 256}]
"""


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch):
    """What a test registers is forgotten after it, and so is that its file was run."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("LOOC_IMPORT", "")
    modules = {*sys.modules}
    yield
    registry.remember(())
    for table in (AUGMENTATIONS, METHODS, BACKBONES):
        for name in {*table} - {*table.shipped}:
            del table[name]
    for name in {*sys.modules} - modules:
        if name.split()[0] in ("fog", "json", "cProfile", "beside"):
            del sys.modules[name]


@pytest.fixture
def looc(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **environment):
        return CliRunner().invoke(cli, list(map(str, arguments)), prog_name="looc", env=environment)

    return run


@pytest.fixture
def fog(tmp_path):
    (tmp_path / "fog.py").write_text(FOG)
    (tmp_path / "fog.yaml").write_text(WITH_FOG)
    Image.fromarray(np.full([40, 40, 3], 90, np.uint8)).save(tmp_path / "cat.png")


def test_a_table_keeps_what_is_shipped_and_takes_the_rest():
    table = Registry("color", "COLORS", {"red": 1, "blue": 2})
    table["green"] = 3
    table["green"] = 4  # as a cell of a notebook that is run again
    table["red"] = 1
    assert list(table.items()) == [("red", 1), ("blue", 2), ("green", 4)]
    with pytest.raises(UserError, match=r"COLORS holds the color 'red' of looc_tf.*another name"):
        table["red"] = 5
    with pytest.raises(UserError, match="another name"):
        table.update(red=5)
    with pytest.raises(UserError, match="another name"):
        table |= {"red": 5}
    assert table.setdefault("green", 7) == 4 and table.setdefault("grey", 8) == table["grey"] == 8
    with pytest.raises(UserError, match=r"^Unknown color 'blu'. Did you mean 'blue'\? .*COLORS\['blu'\] = .* --import"):
        raise table.missing("blu")


@pytest.mark.parametrize(("table", "name"), [(AUGMENTATIONS, "solarize"), (METHODS, "byol")])
def test_a_shipped_part_cannot_be_replaced_in_silence(table, name):
    """Before, a command would have drawn the shipped one and a script the other."""
    with pytest.raises(UserError, match=f"'{name}' of looc_tf"):
        table[name] = object


def test_who_names_a_part_of_their_own_is_told_how_a_command_learns_of_it(looc, fog):
    answer = looc("views", "fog.yaml", "cat.png", "-o", "views.png")
    assert answer.exit_code == 2, answer.output
    assert answer.stderr.count("\n") == 1
    assert "Unknown augmentation 'fog'" in answer.stderr and "--import" in answer.stderr


@pytest.mark.parametrize("told", ["option", "environment"])
def test_a_command_draws_with_an_augmentation_of_ones_own(looc, fog, tmp_path, told):
    words = ["views", "fog.yaml", "cat.png", "-o", "views.png"]
    answer = looc(*words, "--import", "fog.py") if told == "option" else looc(*words, LOOC_IMPORT="fog.py")
    assert answer.exit_code == 0, answer.stderr
    assert (tmp_path / "views.png").is_file()
    assert AUGMENTATIONS["fog"].__module__ == "fog"


def test_commands_that_are_told_to_be_typed_name_the_file(looc, fog):
    """They failed without it."""
    assert registry.retyped() == ""
    looc("views", "fog.yaml", "cat.png", "-o", "views.png", LOOC_IMPORT="fog.py")
    assert registry.retyped() == ""  # the environment goes on to say so
    looc("views", "fog.yaml", "cat.png", "-o", "views.png", "--import", "fog.py")
    assert registry.retyped() == " --import fog.py"
    assert resume_command(Path("runs/a b")).endswith("--resume --import fog.py")
    assert export_command(Path("runs/a b")) == "looc export 'runs/a b' --out 'exports/a b' --import fog.py"


def test_a_run_with_it_is_trained_evaluated_and_exported_by_commands(tmp_path, fog):
    """Each in a process of its own, as at a terminal; nobody but the option tells them of the part."""
    tiny.draw(tmp_path / "pictures")
    small = "data.size=32 views.size=24 model.width=4 model.hidden=8 model.dimension=8 training.batch=8".split()
    small += "training.steps=2 method.key_groups=1 evaluation.neighbors=[3] evaluation.strengths=[0.1]".split()
    settings = [word for setting in small for word in ("--set", setting)]

    def looc(*words, own=("--import", "fog.py")):
        command = [sys.executable, "-m", "looc_tf.cli", *words, *own]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)

    train = looc("train", "fog.yaml", "--data", "pictures", "--out", "run", *settings)
    assert train.returncode == 0, train.stderr
    alone = looc("export", "run", "--out", "exports", own=())
    assert alone.returncode == 2 and "--import" in alone.stderr and "Traceback" not in alone.stderr
    for words in (["evaluate", "run"], ["export", "run", "--out", "exports"]):
        answer = looc(*words)
        assert answer.returncode == 0, answer.stderr
    assert looc("embed", "exports/1", "pictures", "-o", "rows.npz", own=()).returncode == 0  # an export is whole


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "--import or LOOC_IMPORT: expected a Python file, such as fog.py. Received 'fog.py'."),
        ("import looc_tf\n\nx = y\n", "fog.py, line 3: NameError: name 'y' is not defined."),
        ("def f(:\n", "fog.py, line 1: SyntaxError: invalid syntax."),
        ("import sys\nsys.exit(3)\n", "fog.py, line 2: SystemExit: 3."),
        ("from looc_tf.augment import build\n\nbuild('fgo')\n", "fog.py: Unknown augmentation 'fgo'."),
    ],
)
def test_a_file_that_fails_is_one_line(looc, tmp_path, text, said):
    if text is not None:
        (tmp_path / "fog.py").write_text(text)
    answer = looc("configs", "factors/looc", "--import", "fog.py")
    assert answer.exit_code == 2, answer.output
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert answer.stderr.startswith(f"looc: error: {said}")
    assert "fog" not in sys.modules


def test_a_file_is_run_once_with_what_lies_beside_it_and_hides_no_module(tmp_path, capsys):
    """Also one that is imported by another file before, or that another module is called like and nobody asked for."""
    (tmp_path / "beside.py").write_text("ran = []\n")
    for name in ("json", "cProfile", "fog"):
        (tmp_path / f"{name}.py").write_text("import beside\n\nbeside.ran.append(__name__)\nprint('said')\n")
        run_file(tmp_path / f"{name}.py")
        run_file(os.path.relpath(tmp_path / f"{name}.py"))
    run_file(tmp_path / "beside.py")
    assert sys.modules.pop("beside").ran == ["json of --import", "cProfile of --import", "fog"]
    assert hasattr(sys.modules["json"], "loads")
    assert capsys.readouterr().out == ""  # so that what a command prints stays what it is


def test_an_empty_part_of_the_variable_is_none(looc, fog):
    assert looc("configs", "fog.yaml", LOOC_IMPORT="fog.py:").exit_code == 0


class Tinted(looc_tf.Augmentation):
    """Of which one part or the other is wrong."""

    def __init__(self, wrong="", **options):
        super().__init__(**options)
        self.wrong = wrong
        self.numbers = 0 if wrong == "numbers" else 2

    def sample(self, u):
        tint = u[:, 1]
        return {"scalar": {"tint": 0.5}, "row": {"tint": tint[:3]}}.get(self.wrong, {"tint": tint})

    def apply(self, images, parameters):
        if self.wrong == "name":
            return images * parameters["tnit"]
        if self.wrong == "eager":
            return images * float(parameters["tint"].numpy()[0])
        tint = tf.reshape(tf.convert_to_tensor(parameters["tint"]), [-1, 1, 1, 1])
        made = {
            "range": lambda: 255 * images * tint,
            "nan": lambda: tf.math.log(images - 2.0) * tint,
            "bytes": lambda: tf.cast(255 * images, tf.uint8),
            "channels": lambda: images[..., :1],
            "first": lambda: images[:1],
            "shapes": lambda: images @ tint,
            "method": lambda: images.clip(0, 1),
            "mask": lambda: images * tf.ones([1, 24, 24, 1]),
        }
        return made.get(self.wrong, lambda: images * tint)()


def chained(*parts, used=None):
    """A plan of one view with these augmentations, all used unless it is said which."""
    used = used or [True] * len(parts)
    named = {getattr(part, "wrong", "") or part.name: part for part in parts}
    return ViewPlan(named, [View("query", tuple(0 if each else None for each in used))])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("numbers", r"Tinted.sample fails on u of \[B, 0\] .*`numbers` of the class, 0 here"),
        ("scalar", r"Tinted.sample should give tensors of a row for each picture. 'tint' is none"),
        ("row", r"Tinted.sample should give tensors of a row for each picture. 'tint' is none"),
        ("range", r"should give float32 \[8, H, W, 3\] in \[0, 1\]. Received .* to 2.*clip_by_value"),
        ("nan", r"Received nan to nan"),
        ("bytes", r"Received uint8 \[8, 32, 32, 3\]"),
        ("channels", r"Received float32 \[8, 32, 32, 1\]"),
        ("first", r"Received float32 \[1, 32, 32, 3\]"),
        ("shapes", r"Tinted.apply fails on pictures of \[8, 32, 32, 3\]"),
        ("name", r"Tinted.apply fails .*tnit"),
        ("eager", r"Tinted.apply fails .*numpy"),
        ("method", r"Tinted.apply fails .*clip"),
        ("mask", r"Tinted.apply fails on pictures of \[8, 32, 32, 3\]"),
    ],
)
def test_what_is_wrong_with_it_is_said_before_the_first_step(wrong, said):
    """Before, want of `numbers` ended in TensorFlow's words about a slice, and 255 went into the network."""
    pictures = looc_tf.source_of(np.zeros([8, 32, 32, 3], np.uint8))
    with pytest.raises(UserError, match=f"^Augmentation '{wrong}': Tinted.*{said}|^Augmentation '{wrong}': {said}"):
        training_batches(pictures, chained(Tinted(wrong)), batch=4, steps=1)


class Swapped(looc_tf.Augmentation):
    """Of somebody's own, and takes the copy that the data carry."""

    numbers = 1
    companion = "stylized"

    def sample(self, u):
        return {"on": u[:, 0] < 0.5}

    def apply(self, images, parameters):
        one, other = tf.split(images, 2, axis=-1)
        return tf.where(parameters["on"][:, None, None, None], other, one)


def test_it_is_tried_in_its_place_and_where_a_view_uses_it():
    """Behind a crop pictures are views, in front of all a copy may lie behind the picture."""
    crop = build("crop", size=24)
    try_own(chained(crop, Tinted("mask")), lambda: [32, 32, 3])
    with pytest.raises(UserError, match="fails on pictures of"):
        try_own(chained(Tinted("mask"), crop), lambda: [32, 32, 3])
    try_own(chained(Tinted("range"), crop, used=[False, True]), lambda: [32, 32, 3])
    try_own(chained(Swapped(name="swapped"), crop, Tinted("mask")), lambda: [32, 32, 3])
    try_own(chained(Swapped(name="swapped"), crop, Tinted("mask"), used=[False, True, True]), lambda: [32, 32, 3])


def test_those_of_the_library_alone_are_not_tried(monkeypatch):
    monkeypatch.setattr("looc_tf.augment.geometry.Crop.sample", None)  # it would fail
    try_own(chained(build("crop", size=24)), lambda: [32, 32, 3])


def test_a_training_that_goes_on_is_not_refused_for_what_it_began_with():
    pictures = looc_tf.source_of(np.full([8, 32, 32, 3], 255, np.uint8))
    assert len(list(training_batches(pictures, chained(Tinted("range")), batch=4, steps=3, start=2))) == 1


def test_batches_are_made_in_somebodys_graph_too():
    pictures = looc_tf.source_of(np.zeros([8, 32, 32, 3], np.uint8))
    with tf.Graph().as_default():
        assert training_batches(pictures, chained(Tinted()), batch=4, steps=1).element_spec["views"].keys() == {"query"}
