"""Checkpoints: never of a state that has diverged, and never at the cost of the one before."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny

from looc_tf.checkpoints import CheckpointFolder, begin_with
from looc_tf.errors import UserError
from looc_tf.train import compiled

TINY = tiny.experiment("unused")


@pytest.fixture(scope="module")
def method():
    return compiled(TINY, classes=3, steps=6)


def test_no_checkpoint_of_values_that_are_not_finite(method, tmp_path):
    folder = CheckpointFolder(tmp_path / "checkpoints", method, TINY)
    folder.save(1)
    queue = method.spaces["all"].queue
    before = queue.numpy()
    queue.assign(np.full(queue.shape, np.nan))
    with pytest.raises(UserError, match=r"step 2: .*queue.* not finite.* step 1, is kept"):
        folder.save(2)
    queue.assign(before)
    assert folder.steps() == [1]


@pytest.mark.parametrize(
    "error", [tf.errors.ResourceExhaustedError(None, None, "No space left on device"), OSError(28, "No space left")]
)
def test_a_full_disk_keeps_the_checkpoint_before(method, tmp_path, monkeypatch, error):
    folder = CheckpointFolder(tmp_path / "checkpoints", method, TINY)
    folder.save(1)

    def full(prefix):
        Path(f"{prefix}_temp").mkdir()
        raise error

    monkeypatch.setattr(folder.state.whole, "write", full)
    with pytest.raises(UserError, match=r"step 2 in .*No space left.* The one of step 1 is intact\. Free space"):
        folder.save(2)
    assert sorted(path.name for path in folder.folder.iterdir()) == [
        "ckpt-1.data-00000-of-00001",
        "ckpt-1.index",
    ]
    assert folder.restore() == 1


def test_a_method_begins_with_the_encoders_of_another_run_and_queues_of_its_own(method, tmp_path):
    CheckpointFolder(tmp_path / "checkpoints", method, TINY).save(1)
    fresh = compiled(tiny.experiment("unused", "seed=8"), classes=3, steps=6)
    queue = fresh.spaces["all"].queue.numpy()
    begin_with(fresh, tmp_path / "checkpoints")
    for part in ("encoder", "key_encoder"):
        for one, other in zip(getattr(fresh, part).variables, getattr(method, part).variables):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
    np.testing.assert_array_equal(fresh.spaces["all"].queue.numpy(), queue)
    assert fresh.optimizer.iterations == 0


def test_a_network_of_another_shape_cannot_be_begun_with(method, tmp_path):
    with pytest.raises(UserError, match="Found none"):
        begin_with(method, tmp_path)
    CheckpointFolder(tmp_path / "checkpoints", method, TINY).save(1)
    wider = compiled(tiny.experiment("unused", "model.width=8"), classes=3, steps=6)
    with pytest.raises(UserError, match="has another shape") as error:
        begin_with(wider, tmp_path / "checkpoints")
    assert "\n" not in str(error.value)
