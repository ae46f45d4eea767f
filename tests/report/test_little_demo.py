"""The demo on few pictures: which batch it takes, what it says, and where it stops."""

import shlex

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import deep, tiny

from looc_tf.cli import cli
from looc_tf.errors import UserError
from looc_tf.experiments import check, load
from looc_tf.methods import forwards
from looc_tf.report import asked, little
from looc_tf.report import demo as module
from looc_tf.report.asked import Asked
from looc_tf.report.demo import demo

FAST = ("model.width=4", "model.hidden=16", "training.steps=2", "evaluation.limit=40")


@pytest.fixture
def shipped():
    return Asked(True, "photos").experiments()


def test_where_there_are_pictures_enough_nothing_changes(shipped):
    assert little.fitting(shipped, 128, "photos") == shipped


@pytest.mark.parametrize(
    ("pictures", "batch", "groups"), [(127, 64, 4), (64, 64, 4), (63, 32, 2), (35, 32, 2), (31, 16, 2), (16, 16, 2)]
)
def test_the_batch_is_lowered_and_what_hangs_on_it(shipped, pictures, batch, groups):
    for label, experiment in little.fitting(shipped, pictures, "photos").items():
        settings = experiment.method
        assert experiment.training.batch == batch and settings.key_groups == groups
        assert {space.queue for space in settings.spaces} == {2 * batch}
        assert experiment.optimizer.reference_batch == 128
        assert experiment.training.steps == shipped[label].training.steps
        check(experiment, 1)


def test_too_few_pictures_are_refused(shipped):
    with pytest.raises(UserError, match=r"Expected 16 training pictures at least .*'photos' has 15;.* Give more"):
        little.fitting(shipped, 15, "photos")


@pytest.fixture
def quick(monkeypatch):
    """The demo's own configs, as small as they go."""
    load = asked.load
    monkeypatch.setattr(asked, "load", lambda name, overrides, **more: load(name, (*overrides, *FAST), **more))


@pytest.mark.slow
def test_a_demo_of_48_pictures_lowers_its_batch_itself_and_can_be_gone_on_with(quick, tmp_path, monkeypatch):
    pictures = str(tiny.draw(tmp_path / "base", size=48))
    said, real = [], module.write_page
    monkeypatch.setattr(module, "write_page", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(asked, "threads", lambda: 2)
    with pytest.raises(KeyboardInterrupt):
        demo(tmp_path / "demo", quick=True, data=pictures, tell=said.append)
    assert said[0].startswith(f"{pictures}: ") and " (3 classes: bar, disc, noise), " in said[0]
    assert "batches of 32 in place of 128, with key_groups=2 and queue=64: a look" in said[1]
    assert "factors/looc: left out: texture: no such label" in said
    assert said[-1] == (
        f"The demo goes on with: looc demo --out {tmp_path / 'demo'} --quick --data {pictures} --threads 2"
    )
    monkeypatch.setattr(module, "write_page", real)
    done = demo(tmp_path / "demo", quick=True, data=pictures, tell=said.append)
    assert not done.was_done and said[-1].startswith(f"{pictures}: ")  # nothing is trained or measured again
    page = done.page.read_text()
    assert said[0] in page and "left out: texture: no such label" in page
    assert demo(tmp_path / "demo", quick=True, data=pictures).was_done


def test_a_demo_of_a_handful_is_refused_before_anything_is_written(tmp_path):
    pictures = str(tiny.draw(tmp_path / "few", each=5))
    with pytest.raises(UserError, match="Expected 16 training pictures at least"):
        demo(tmp_path / "demo", quick=True, data=pictures)
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("method", ["byol", "simsiam", "swav", "dino", "simclr", "joint", "augself", "essl_simsiam"])
def test_leave_one_out_over_a_method_and_it_alone_encode_as_many_views(method):
    made = Asked(method=method).experiments()
    assert list(made) == [f"{method}-looc", method] and [e.name for e in made.values()] == [
        f"factors/{n}" for n in made
    ]
    assert [len(each.method.spaces) for each in made.values()] == [3, 1]
    encoded = [forwards(each) * each.training.steps for each in made.values()]
    assert encoded[0] == pytest.approx(encoded[1], rel=1e-3)
    spaces, plain = made.values()
    assert spaces.training.steps == 1200 and plain.training.steps == (2000 if "essl" in method else 2400)
    assert spaces.views == plain.views and spaces.model == plain.model


def test_the_demo_of_looc_is_that_of_the_shipped_configs():
    assert Asked().experiments() == {label: load(f"factors/{label}") for label in ("looc", "moco")}
    assert [each.training.steps for each in Asked(quick=True).experiments().values()] == [150, 300]


def test_settings_are_of_both_and_steps_stay_in_proportion():
    made = Asked(overrides=("data.bands=[3,2,1]", "training.steps=10", "method.rank_siblings=0.3"), method="byol")
    spaces, plain = made.experiments().values()
    assert {each.data.bands for each in (spaces, plain)} == {(3, 2, 1)}
    assert [each.training.steps for each in (spaces, plain)] == [10, 20]
    assert spaces.method.rank_siblings == plain.method.rank_siblings == 0.3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--method", "byoll"], "Unknown method 'byoll'. Did you mean 'byol'? Expected one of looc, "),
        (["--method", "supervised"], "'supervised' has no spaces: expected one of looc, simclr, byol, "),
        (["--set", "training.stepss=3"], "--set training.stepss=3: unknown key 'training.stepss'. Did you mean"),
        (["--set", "data.bands=[0,0]"], "data.bands should list 1 to 1024 different bands"),
    ],
)
def test_what_no_demo_can_be_made_of_is_one_line(options, words, tmp_path):
    answer = CliRunner().invoke(cli, ["demo", "--out", str(tmp_path / "demo"), *options], prog_name="looc")
    assert answer.exit_code == 2 and answer.stderr.count("\n") == 1 and words in answer.stderr, answer.stderr
    assert not (tmp_path / "demo").exists()


def test_the_line_of_how_to_go_on_repeats_every_option(monkeypatch):
    monkeypatch.setattr(asked, "threads", lambda: 2)
    given = Asked(True, "my photos", "labels.csv", "byol", ("data.bands=[3, 2, 1]", "training.batch=32"))
    typed = (
        " --quick --data 'my photos' --labels labels.csv --method byol --set 'data.bands=[3, 2, 1]'"
        " --set training.batch=32 --threads 2"
    )
    assert given.options() == typed
    monkeypatch.setattr(asked, "threads", lambda: None)
    assert Asked().options() == ""


@pytest.mark.parametrize("method", ["byol", "swav"])
def test_few_pictures_lower_what_hangs_on_the_batch_of_any_method(method):
    made = Asked(True, "photos", method=method).experiments()
    for label, experiment in little.fitting(made, 40, "photos").items():
        check(experiment, 1)
        assert (experiment.training.batch, experiment.optimizer.reference_batch) == (32, 128)
        assert getattr(experiment.method, "prototypes", 128) == 128
        assert made[label].training.steps == experiment.training.steps
    told = little.told(experiment, 40, 128)
    lowered = {"byol": "", "swav": ", with prototypes=128"}[method]
    assert f"batches of 32 in place of 128{lowered}: a look" in told


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_demo_over_byol_of_pictures_of_bands_says_once_how_many_there_are(quick, tmp_path, monkeypatch):
    """Interrupted, it goes on with the options that it was begun with, and says so."""
    for place, name in enumerate(("one", "two")):
        ramps = [deep.ramp(40, bands=5, high=4000, shift=place + number / 40) for number in range(20)]
        deep.write(tmp_path / "bands" / name, [deep.tiff(ramp.astype(np.uint16)) for ramp in ramps])
    arguments = ["demo", "--out", str(tmp_path / "demo"), "--quick", "--data", str(tmp_path / "bands")]
    refused = CliRunner().invoke(cli, arguments, prog_name="looc")
    assert refused.exit_code == 2 and "data.bands=[" in refused.stderr
    arguments += ["--method", "byol", "--set", "data.bands=[3,2,1]"]
    arguments += ["--set", "model.backbone=resnet10", "--set", "evaluation.probes=[object]"]
    real = module.write_page
    monkeypatch.setattr(module, "write_page", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    first = CliRunner().invoke(cli, arguments, prog_name="looc")
    assert first.exit_code == 130 and first.stderr.count("(2 classes") == 1
    on = next(line for line in first.stderr.splitlines() if line.startswith("The demo goes on with: "))
    monkeypatch.setattr(module, "write_page", real)
    again = CliRunner().invoke(cli, shlex.split(on.partition("looc ")[2]), prog_name="looc")
    assert again.exit_code == 0 and "byol-looc" in again.stdout and "training into" not in again.stderr
    log = (tmp_path / "demo" / "byol" / "train.log").read_text()
    assert log.count("(2 classes") == 1 and "Unknown" not in log
