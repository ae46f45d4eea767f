"""A config with another method: in that method's own recipe, on what the config says of everything else."""

import dataclasses

import pytest
from click.testing import CliRunner

from looc_tf import config, methods
from looc_tf.cli import cli
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.methods.pairs import Pairs

PAIRS = [name for name, kind in methods.METHODS.items() if issubclass(kind, Pairs)]
SHIPPED = ["byol", "dino", "simclr", "simsiam", "swav"]
SOURCE = "cifar10/looc-rotation"


def test_every_pair_method_is_here():
    assert {*SHIPPED, "joint", "augself", "essl", "essl_simsiam"} == set(PAIRS)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_equals_the_config_that_is_shipped(name):
    """All but the steps, which the shipped ones count in encoder passes, and what a config says of itself."""
    made, shipped = load(SOURCE, method=name), load(f"cifar10/{name}-looc-rotation")
    assert config.difference(made, shipped) == ["about", "training.steps"]


@pytest.mark.parametrize("name", SHIPPED)
def test_from_one_recipe_to_the_next_widths_do_not_pile_up(name):
    """Through BYOL, whose head is twice as wide, and back."""
    made, through = load(SOURCE, method=name), load("cifar10/byol-looc-rotation", ["training.steps=3000"], method=name)
    assert made.model.hidden == through.model.hidden and made.model.head == through.model.head
    assert made.method == through.method and made.name == through.name


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("source", ["factors/looc", "factors/moco", "imagenet100/looc-color"])
def test_what_is_not_the_methods_own_stays(name, source):
    before, made = load(source), load(source, method=name)
    kind = methods.METHODS[name]
    folder, last = source.split("/")
    assert type(made.method) is kind.Settings and made.name == f"{folder}/{name}-{last}"
    chain = {**before.views.chain, "local": made.views.chain.get("local")}
    assert made.views.chain == (chain if "essl" in name else before.views.chain)
    assert (made.data, made.training, made.evaluation) == (before.data, before.training, before.evaluation)
    assert [(s.name, s.shares) for s in made.method.spaces] == [(s.name, s.shares) for s in before.method.spaces]
    assert (made.model.backbone, made.model.width, made.model.stem) == (
        before.model.backbone,
        before.model.width,
        before.model.stem,
    )
    assert f"{source} with the method {name}" in made.about


def test_overrides_come_after_it_and_its_warm_up_fits_the_training():
    made = load(SOURCE, ["training.steps=50", "model.hidden=64", "method.predictor=32"], method="byol")
    assert (made.model.hidden, made.method.predictor, made.training.steps) == (64, 32, 50)
    assert made.optimizer.warmup_steps == 10
    assert load(SOURCE, ["optimizer.warmup_steps=7"], method="byol").optimizer.warmup_steps == 7


def test_a_rate_that_was_chosen_for_large_batches_stays():
    assert load("imagenet/simclr", method="swav").optimizer == load("imagenet/simclr").optimizer


@pytest.mark.parametrize("name", ["byol", "joint", "simsiam", "looc"])
def test_what_the_recipe_before_set_is_taken_back(name):
    """SwAV's Adam at 1e-3 stayed, which no method of SGD lives with, and so did BYOL's dimension and warm-up."""
    usual, made = config.Optimizer(), load("cifar10/swav-looc-rotation", method=name).optimizer
    assert (made.name, made.learning_rate, made.schedule) == ("sgd", usual.learning_rate, "cosine")
    halved = load("cifar10/swav-looc-rotation", ["optimizer.learning_rate=5e-4"])
    assert methods.in_recipe(halved, name).optimizer == made
    through = load("cifar10/byol-looc-rotation", method=name)
    assert through.model.dimension == {"simsiam": 512}.get(name, 128 if name != "byol" else 256)
    assert (through.optimizer.warmup_steps > 0) == (name in ("byol", "joint"))


@pytest.mark.parametrize("source", ["cifar10/simclr-multicrop", "imagenet/dino"])
def test_small_views_go_with_the_method_that_takes_none(source):
    """There was no way from a config of multi-crop to such a method, `--set` included."""
    before, made = load(source), load(source, method="byol")
    small = {"local", "blur_local"} & set(before.views.chain)
    assert list(made.views.chain) == [name for name in before.views.chain if name not in small]
    assert load(source, method="swav").views == before.views
    assert "local" in load(source, method="essl").views.chain


def test_what_was_changed_since_is_kept():
    before = load("cifar10/byol-looc-rotation", ["model.dimension=64", "optimizer.weight_decay=1e-3"])
    made = methods.in_recipe(before, "looc")
    assert (made.model.dimension, made.optimizer.weight_decay, made.optimizer.warmup_steps) == (64, 1e-3, 0)
    assert made.model.head == "mlp"


def test_a_config_that_has_the_method_stays_as_it_is():
    assert load("cifar10/dino", method="dino") == load("cifar10/dino")


def test_only_what_a_recipe_may_change_is_in_one():
    for kind in methods.METHODS.values():
        fields = {field.name for field in dataclasses.fields(kind.Settings)}
        for field in kind.recipe:
            section, _, key = field.partition(".")
            assert section in ("model", "optimizer", "views") or (section == "method" and key in fields), field


def test_fine_tuning_is_no_method_of_a_recipe():
    """It trained from random weights, under that name."""
    with pytest.raises(UserError, match=r"begins with a run\. Use looc finetune RUN"):
        load(SOURCE, method="finetune")


def test_an_unknown_method_is_one_line_with_the_list_and_the_nearest():
    with pytest.raises(UserError) as caught:
        load(SOURCE, method="simsam")
    assert str(caught.value).startswith("Unknown method 'simsam'. Did you mean 'simsiam'? Expected one of looc, ")
    answer = CliRunner().invoke(cli, ["train", SOURCE, "--method", "simsam", "--out", "never"], prog_name="looc")
    assert answer.exit_code == 2 and answer.stderr.count("\n") == 1 and "Did you mean 'simsiam'?" in answer.stderr


@pytest.mark.parametrize("command", ["train", "views"])
def test_help_says_that_a_run_keeps_its_method(command):
    said = " ".join(CliRunner().invoke(cli, [command, "--help"]).output.split())
    assert "--method NAME" in said and "config.yaml holds all of it" in said


def test_small_views_of_e_ssl_are_not_turned_by_the_chain():
    """Its task is to tell four turns: a turn that the chain has drawn before would make every answer a guess."""
    made = load(SOURCE, method="essl")
    plan = methods.build_plan(made)
    small = next(view for view in plan.views if view.name == "local1")
    assert list(plan.used(small)) == ["local", "color"] and plan.size(small, made.data.size) == 16
