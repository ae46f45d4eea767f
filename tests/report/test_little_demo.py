"""The demo on few pictures: which batch it takes, what it says, and where it stops."""

import pytest
from helpers import tiny

from looc_tf.errors import UserError
from looc_tf.experiments import check
from looc_tf.report import demo as module
from looc_tf.report import little
from looc_tf.report.demo import demo

FAST = ("model.width=4", "model.hidden=16", "training.steps=2", "evaluation.limit=40")


@pytest.fixture
def shipped():
    return {label: module._experiment(label, True, "photos", None) for label in module.CONFIGS}


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
    load = module.load
    monkeypatch.setattr(module, "load", lambda name, overrides, **more: load(name, (*overrides, *FAST), **more))


@pytest.mark.slow
def test_a_demo_of_48_pictures_lowers_its_batch_itself_and_can_be_gone_on_with(quick, tmp_path, monkeypatch):
    pictures = str(tiny.draw(tmp_path / "base", size=48))
    said, real = [], module.write_page
    monkeypatch.setattr(module, "write_page", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(module, "threads", lambda: 2)
    with pytest.raises(KeyboardInterrupt):
        demo(tmp_path / "demo", quick=True, data=pictures, tell=said.append)
    assert said[0].startswith(f"{pictures}: ") and " (3 classes: bar, disc, noise), " in said[0]
    assert "batches of 32 in place of 128, queues of 64 and 2 key groups" in said[1]
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
