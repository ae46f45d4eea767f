"""What a user may say wrongly to a pair method: one line with what was expected, what was received and the remedy."""

import pytest
import yaml
from click.testing import CliRunner
from helpers import contract, tiny

from looc_tf import methods, optim
from looc_tf.cli import cli
from looc_tf.config import Optimizer
from looc_tf.methods import Facts

RANGE = "cifar10/looc-rotation"


def refused(*arguments):
    answer = CliRunner().invoke(cli, ["train", "--out", "never", *arguments], prog_name="looc")
    assert answer.exit_code == 2 and answer.stderr.count("\n") == 1, answer.output
    return answer.stderr


@pytest.mark.parametrize(
    ("method", "setting", "words"),
    [
        (
            "byol",
            "method.queue=256",
            "'method.queue'. Expected one of name, spaces, rank_siblings, unlike_spaces, momentum,",
        ),
        ("simsiam", "method.momentum=0.9", "'method.momentum'. "),
        ("simclr", "method.prototypes=9", "'method.prototypes'. "),
        ("dino", "method.predictor=9", "'method.predictor'. "),
        ("swav", "method.negatives=9", "'method.negatives'. "),
        ("joint", "method.local_views=2", "'method.local_views'. "),
        *(
            (name, f"method.spaces.1.{setting}=1", f"'method.spaces.1.{setting}'. ")
            for name, setting in [("byol", "queue"), ("swav", "temperature"), ("dino", "negatives"), ("essl", "queue")]
        ),
    ],
)
def test_a_setting_that_a_method_does_not_read_is_answered_with_its_own_list(method, setting, words):
    said = refused(RANGE, "--method", method, "--set", setting)
    assert words in said and "Expected one of name, " in said
    assert f"That is what the method '{method}' reads." in said


def test_the_same_in_a_file(tmp_path):
    text = {"method": {"name": "byol", "spaces": [{"name": "all", "queue": 5}]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**tiny.EXPERIMENT, **text}))
    said = refused(str(tmp_path / "mine.yaml"))
    assert "mine.yaml: unknown key 'method.spaces.0.queue'. Expected one of name, shares. That is what the" in said


@pytest.mark.parametrize("method", ["simclr", "swav", "joint", "essl"])
def test_a_loss_of_the_whole_batch_takes_no_parts(method):
    more = ["--set", "training.accumulate=2", "--set", "model.batch_norm=plain"]
    said = refused(RANGE, "--method", method, *more)
    assert f"The method '{method}' compares the pictures of a batch with each other" in said
    assert "training.accumulate of 2 cuts it." in said and "or set training.accumulate to 1" in said


@pytest.mark.parametrize("method", ["swav", "dino", "simclr"])
def test_small_views_need_a_crop_of_their_own(method):
    said = refused(RANGE, "--method", method, "--set", "method.local_views=4")
    assert "take 2 crops in views.chain. Received crop. Add local: {kind: crop, size: 18" in said
    larger = "views.chain={crop: {}, local: {kind: crop, size: 64}}"
    spaces = "method.spaces=[{name: all}]"
    said = refused(RANGE, *_set("method.local_views=4", larger, spaces), "--method", method)
    assert "Give 'local' a smaller `size`" in said


def _set(*texts):
    return [word for text in texts for word in ("--set", text)]


def test_no_space_at_all():
    assert "method.spaces is empty. Expected at least one" in refused(
        RANGE, "--method", "dino", *_set("method.spaces=[]")
    )


@pytest.mark.parametrize(
    ("method", "setting", "words"),
    [
        ("augself", "method.predicts=[grain]", "into numbers, crop, color, rotation. Received 'grain'."),
        (
            "augself",
            "method.predicts=[]",
            "method.predicts is empty. Expected some of views.chain that have numbers, crop, color, ",
        ),
        ("augself", "method.hidden=0", "method.hidden should be above 0. Received 0."),
        ("essl", "method.weight=-1", "method.weight should lie between 0 and 1000. Received -1.0."),
        ("simsiam", "method.predictor=0", "method.predictor should be above 0. Received 0."),
        ("dino", "method.teacher_temperatures=[0.04, 0]", "between 0.0001 and 10000. Received [0.04, 0.0]."),
    ],
)
def test_numbers_and_names_that_no_network_can_be_made_of(method, setting, words):
    assert words in refused(RANGE, "--method", method, "--set", setting)


def test_a_head_that_does_not_exist_is_answered_with_the_nearest():
    assert "Did you mean 'batch_norm_mlp'?" in refused(RANGE, "--method", "simclr", *_set("model.head=batchnorm_mlp"))


@pytest.mark.parametrize("name", ["byol", "simsiam"])
@pytest.mark.parametrize("head", ["mlp", "linear", "gelu_mlp"])
def test_a_head_without_batch_norm_is_warned_of_where_nothing_else_keeps_points_apart(name, head):
    case = contract.CASES[name]
    remedy = case.model.head
    found = contract.build(contract.replace(case, model=contract.replace(case.model, head=head))).remarks()
    assert len(found) == 1 and f"Method {name!r} has no negatives, and its heads no BatchNorm: " in found[0]
    assert found[0].endswith(f"Set model.head={remedy}.")


@pytest.mark.parametrize("name", ["byol", "simsiam", "augself", "essl_simsiam", "simclr", "dino_pair", "joint_looc"])
def test_a_sound_case_is_warned_of_nothing(name):
    assert contract.build(contract.CASES[name]).remarks() == []


@pytest.mark.parametrize(
    ("name", "setting", "epochs"),
    [("swav", "queue_epochs", 4), ("dino", "frozen_epochs", 5), ("dino", "teacher_epochs", 6)],
)
def test_a_start_that_outlasts_the_training_is_warned_of(name, setting, epochs):
    case = contract.CASES[name]
    case = contract.replace(case, method=contract.replace(case.method, **{setting: epochs}))
    found = contract.build(case, facts=Facts(steps=30, epoch=10)).remarks()
    expected = f"method.{setting} of {epochs} are {10 * epochs} steps, and the training has 30: it ends before that."
    assert [line for line in found if setting in line] == [f"{expected} Lower it, or train for longer."]
    assert setting not in " ".join(contract.build(case, facts=Facts(steps=300, epoch=10)).remarks())


def test_so_is_a_warm_up():
    said = optim.remark(Optimizer(warmup_steps=100), 100)
    assert said.startswith("optimizer.warmup_steps of 100 are no less than the 100 steps") and "Lower it" in said
    assert not optim.remark(Optimizer(warmup_steps=100), 101) and not optim.remark(Optimizer(warmup_steps=100), 0)
    assert not optim.remark(Optimizer(), 10)


def test_more_prototypes_than_a_batch_can_serve_are_warned_of():
    case = contract.CASES["swav_looc"]
    many = contract.replace(case, method=contract.replace(case.method, prototypes=65))
    found = contract.build(many).remarks()
    assert len(found) == 3 and "Space 'all' has 65 prototypes, and Sinkhorn spreads 8 rows over them" in found[0]
    assert "Use at most 64 (method.prototypes), a larger batch, or method.queue." in found[0]
    assert not contract.build(contract.replace(many, method=contract.replace(many.method, prototypes=64))).remarks()


def test_a_training_tells_all_of_it_before_its_first_step(tmp_path):
    pictures = tiny.draw(tmp_path / "pictures")
    settings = ["method.prototypes=200", "method.frozen_epochs=9", "optimizer.warmup_steps=9", "training.steps=1"]
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(tiny.EXPERIMENT))
    arguments = ["train", tmp_path / "tiny.yaml", "--data", pictures, "--method", "swav", "--out", tmp_path / "run"]
    answer = CliRunner().invoke(cli, [*map(str, arguments), *_set(*settings)], prog_name="looc")
    assert answer.exit_code == 0, answer.output
    warnings = [line for line in answer.stderr.splitlines() if line.startswith("looc: warning: ")]
    for words in ("has 200 prototypes", "method.frozen_epochs of 9 are 36 steps", "optimizer.warmup_steps of 9 are no"):
        assert sum(words in line for line in warnings) >= 1, warnings
    assert "queue_epochs" not in answer.stderr  # there is no queue that would wait for them


def test_every_pair_method_says_what_helps_against_collapse():
    said = {methods.METHODS[name].against_collapse for name in ("byol", "simsiam", "dino", "swav")}
    assert len(said) == 4 and all("optimizer.learning_rate" in text for text in said)
