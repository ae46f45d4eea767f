"""Thousands of configs that somebody may have got wrong: a plan, or one line."""

import random

import pytest
from click.testing import CliRunner
from helpers import mutations
from helpers.tiny import draw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from looc_tf.augment import build
from looc_tf.cli import cli
from looc_tf.errors import UserError, printable
from looc_tf.experiments import load


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False))
def test_a_mutated_config_ends_in_a_plan_or_in_one_line(chance, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "mutated"
    folder.mkdir(exist_ok=True)
    assert mutations.outcome(*mutations.mutated(chance, folder)) in ("valid", "refused")


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_thousands_of_them():
    assert mutations.main(5000) == 0


@pytest.mark.parametrize("text", mutations.SNIPPETS, ids=range(len(mutations.SNIPPETS)))
def test_each_hostile_text_alone(text, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "above.yaml").write_text("training: {steps: 5}")
    (tmp_path / "loop.yaml").write_text("base: mine")
    assert mutations.outcome(path, []) in ("valid", "refused")
    assert mutations.outcome("factors/looc", [f"about={text}"]) in ("valid", "refused")


def test_aliases_that_stand_for_little_are_read(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("training: {steps: 5}\nviews: {chain: {crop: {area: &a [0.1, 1.0]}, blur: {sigma: *a}}}")
    assert load(path).views.chain["blur"] == {"sigma": (0.1, 1.0)}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optimizer.learning_rate=1" + "0" * 400, "at most 64 bits"),
        ("seed=0x" + "f" * 5000, "at most 64 bits"),
        ("seed=4294967296", "seed should be at most 4,294,967,295"),
        ("about=" + "[" * 3000, "16 deep"),
        (".".join(["a"] * 3000) + "=1", "expected field=value"),
        ('name="\\e[2J"', "name should be printable"),
        ("method.spaces.1.name=_x", "Begin with a letter"),
        ("method.spaces.1.name=\u00e9", "letters, digits"),
        ("method.spaces.1.temperature=1e-300", "a temperature of 1e-300"),
        ("optimizer.decay=10", "optimizer.decay should be at most 1"),
    ],
    ids=lambda text: text[:24],
)
def test_what_earlier_versions_did_not_survive(override, words):
    with pytest.raises(UserError) as caught:
        load("cifar10/looc-rotation", [override])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("texture", {"sizes": 5}),
        ("texture", {"sizes": True}),
        ("color", {"hue": 10**400}),
        ("blur", {"sigma": [1, 10**400]}),
    ],
)
def test_settings_of_augmentations_that_no_number_is(name, settings):
    with pytest.raises(UserError, match=f"{name}.{next(iter(settings))}"):
        build(name, **settings)


def test_a_message_is_one_line_that_a_terminal_can_be_given():
    assert printable("a\tb\n\x1b[2J\u202e\udce9.png") == "a b \\x1b[2J\\u202e\\udce9.png"
    assert len(str(UserError("x" * 10**6))) == 2000


def test_the_command_line_refuses_mutated_configs_in_one_line(tmp_path):
    """A few dozen: 2 is the exit code, standard error holds a line, and no run folder is made."""
    pictures, out, tried = draw(tmp_path / "pictures", each=2), tmp_path / "run", 0
    for seed in range(80):
        path, overrides = mutations.mutated(random.Random(seed), tmp_path)
        if mutations.outcome(path, overrides) == "valid":
            continue
        changes = [word for override in overrides for word in ("--set", override)]
        arguments = ["train", str(path), "--data", str(pictures), "--out", str(out), *changes]
        result = CliRunner().invoke(cli, arguments, prog_name="looc")
        assert result.exit_code == 2 and result.stderr.startswith("looc: error: "), (seed, result.output)
        assert result.stderr.count("\n") == 1 and not out.exists(), seed
        tried += 1
    assert tried > 40
