"""Checkpoints: never of a state that has diverged, never at the cost of the one before, never another's."""

import gc
import logging
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract, tiny

from looc_tf.errors import UserError
from looc_tf.methods import Facts
from looc_tf.run import compiled, state
from looc_tf.run.checkpoints import CheckpointFolder, begin_with
from looc_tf.training.callbacks import BestCheckpoint

TINY = tiny.experiment("unused")


@pytest.fixture(scope="module")
def method():
    return compiled(TINY, Facts(classes=3, steps=6))


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
    fresh = compiled(tiny.experiment("unused", "seed=8"), Facts(classes=3, steps=6))
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
    wider = compiled(tiny.experiment("unused", "model.width=8"), Facts(classes=3, steps=6))
    told, handler = [], logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    logger = logging.getLogger("tensorflow")
    logger.addHandler(handler)
    with pytest.raises(UserError, match="has another shape") as error:
        begin_with(wider, tmp_path / "checkpoints")
    assert "\n" not in str(error.value)
    del error
    gc.collect()
    logger.removeHandler(handler)
    assert told == []  # TensorFlow lists every value that was not read


@pytest.fixture
def two(method, tmp_path):
    """A folder with the checkpoints of steps 3 and 6, whose queues differ, and the values of step 3."""
    folder = CheckpointFolder(tmp_path / "checkpoints", method, TINY, keep=2)
    folder.save(3)
    before = contract.arrays(method.variables)
    queue = method.spaces["all"].queue
    queue.assign(queue[::-1])
    folder.save(6)
    yield folder, before
    for variable, value in zip(method.variables, before):
        variable.assign(value)


INDEX, DATA = "ckpt-6.index", "ckpt-6.data-00000-of-00001"


@pytest.mark.parametrize("name", [INDEX, DATA])
@pytest.mark.parametrize("kept", [0.0, 1e-9, 0.03, 0.25, 0.5, 0.75, 0.97, 1 - 1e-9])
def test_a_checkpoint_cut_off_anywhere_falls_back_to_the_one_before(two, name, kept):
    folder, before = two
    path = folder.folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[: min(len(whole) - 1, int(np.ceil(kept * len(whole))))])
    assert folder.restore() == 3
    assert contract.same_bits(contract.arrays(folder.method.variables), before)
    with pytest.raises(UserError, match=r"step 6: .*Choose another --checkpoint"):
        folder.restore("6")


@pytest.mark.parametrize("name", [INDEX, DATA])
def test_bytes_that_have_changed_fall_back_to_the_one_before(two, name):
    folder, before = two
    path = folder.folder / name
    whole = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), 8):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        step = folder.restore()
        assert step in (3, 6)  # a byte may lie where nothing is stored; then all is as it was
        values = contract.arrays(folder.method.variables)
        assert contract.same_bits(values, before) == (step == 3)
    path.write_bytes(whole)


def test_a_checkpoint_whose_data_file_is_gone_falls_back(two):
    folder, before = two
    (folder.folder / DATA).unlink()
    assert folder.restore() == 3
    assert contract.same_bits(contract.arrays(folder.method.variables), before)


def test_the_data_file_of_another_step_falls_back(two):
    folder, before = two
    (folder.folder / DATA).write_bytes((folder.folder / "ckpt-3.data-00000-of-00001").read_bytes())
    assert folder.restore() == 3
    assert contract.same_bits(contract.arrays(folder.method.variables), before)


def renamed(folder, one, other):
    for path in list(folder.folder.glob(f"{one}.*")):
        path.rename(folder.folder / path.name.replace(one, other))


def refused(act, match):
    with pytest.raises(UserError, match=match) as refusal:
        act()
    assert "\n" not in str(refusal.value)


def test_a_checkpoint_under_the_number_of_another_step_is_refused(two):
    folder, _ = two
    renamed(folder, "ckpt-6", "ckpt-9")
    refused(folder.restore, r"ckpt-9 holds another step: expected 9, received 6\. Move ckpt-9\.\* out of .*")


def test_a_checkpoint_of_another_training_is_refused_with_the_differences(two, method):
    folder, _ = two
    other = CheckpointFolder(folder.folder, method, tiny.experiment("unused", "seed=8", "method.momentum=0.5"))
    values = contract.arrays(method.variables)
    refused(
        other.restore, r"ckpt-6 is of another training: seed was 0, is 8; method\.momentum was 0\.9, is 0\.5\. Move"
    )
    refused(lambda: other.restore("3"), r"ckpt-3 is of another training")
    assert contract.same_bits(contract.arrays(method.variables), values), "seen before anything was restored"


def test_fields_that_no_weight_depends_on_may_differ(two, method):
    folder, _ = two
    free = ("training.keep=5", "training.checkpoint_every=1", "evaluation.limit=7", "gate.floor=3", "about=x")
    assert CheckpointFolder(folder.folder, method, tiny.experiment("elsewhere", *free)).restore() == 6


def test_a_checkpoint_of_a_version_that_wrote_no_origin_is_read(two, method):
    folder, _ = two
    state.checkpoint(method).write(str(folder.folder / "ckpt-7"))
    assert folder.restore() == 7


def test_a_checkpoint_that_claims_too_much_is_not_read(two):
    """Neither by the size of its files nor by the shapes in its index, which a few bytes can make as large as any."""
    folder, _ = two
    with (folder.folder / DATA).open("r+b") as file:
        file.truncate(2**33)  # a hole: no disk is used
    assert folder.restore() == 3
    (folder.folder / DATA).unlink()
    tf.train.Checkpoint(large=tf.Variable(tf.zeros([2**23]))).write(str(folder.folder / "ckpt-6"))
    (folder.folder / DATA).write_bytes(b"")  # the claim alone
    refused(lambda: folder.restore("6"), r"claims 33,5[\d,]+ bytes; the state of this method is smaller than 16,[\d,]+")


def test_the_state_file_of_tensorflow_is_neither_read_nor_followed(method, tmp_path):
    """It lists checkpoints by path: a run folder from elsewhere could have files of ours deleted or read."""
    mine = tmp_path / "mine-1"
    for suffix in (".index", ".data-00000-of-00001"):
        Path(f"{mine}{suffix}").write_text("mine")
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    listed = "".join(f'all_model_checkpoint_paths: "{tmp_path}/mine-{number}"\n' for number in (1, 2))
    stamps = "all_model_checkpoint_timestamps: 1e9\n" * 2 + "last_preserved_timestamp: 1.0\n"
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{mine}"\n{listed}{stamps}')
    for step in (1, 2, 3):
        CheckpointFolder(folder, method, TINY).save(step)
    assert Path(f"{mine}.index").read_text() == "mine"
    assert CheckpointFolder(folder, method, TINY).steps() == [3]


@pytest.mark.parametrize("keep", [1, 2])
def test_what_a_resumed_run_could_not_read_goes_when_a_newer_one_is_safe(method, tmp_path, keep):
    folder = CheckpointFolder(tmp_path / "checkpoints", method, TINY, keep=keep)
    for step in (3, 6):
        CheckpointFolder(tmp_path / "checkpoints", method, TINY, keep=2).save(step)
    (folder.folder / INDEX).write_bytes(b"")
    assert folder.restore() == 3
    folder.save(4)
    assert folder.steps() == [4, 3][:keep]
    assert not (folder.folder / DATA).exists()


def test_the_best_checkpoint_is_the_first_of_the_highest_reading(method, tmp_path):
    readings = {2: 40.0, 4: 55.5, 6: 55.5, 8: 30.0}
    folder = CheckpointFolder(tmp_path / "checkpoints", method, TINY)
    best = BestCheckpoint(folder, 0, 8)
    for step in range(1, 9):
        best.on_train_batch_end(step, {"knn": readings[step]} if step in readings else {})
    assert (folder.steps("best"), folder.best_reading("knn")) == ([4], 55.5)
    assert folder.steps() == [] and folder.restore() is None, "a run is never resumed from it"
    assert folder.restore("best") == folder.restore("4") == 4


@pytest.mark.parametrize("remains", [[4], [2, 4], [2], []], ids=lambda steps: "best-" + "-".join(map(str, steps)))
def test_a_run_that_is_killed_about_the_best_checkpoint_keeps_the_same(method, tmp_path, remains):
    """Resumed from step 3, the readings of steps 4, 6 and 8 taken again; step 4 was saved, torn, or not reached."""
    folder = CheckpointFolder(tmp_path / "checkpoints", method, TINY)
    for step in remains:
        folder._write("best", step, {"knn": {2: 40.0, 4: 55.5}[step]})
    if remains == [2]:
        (folder.folder / "best-4.data-00000-of-00001").write_bytes(b"torn")
        folder.sweep()
    best = BestCheckpoint(folder, 3, 8)
    for step, reading in ((4, 55.5), (6, 55.5), (8, 30.0)):
        best.on_step(step, {"knn": reading})
    assert folder.steps("best")[0] == 4 and folder.best_reading("knn") == 55.5
    assert len(list(folder.folder.glob("best-4.*"))) == 2


def test_a_checkpoint_that_is_not_there(two):
    folder, _ = two
    refused(lambda: folder.restore("best"), r"Expected a best checkpoint .*monitor_every=0\. Take the last one")
    refused(lambda: folder.restore("5"), r"Unknown checkpoint in .* '5'\. .*Expected one of last, 3, 6\.")
    folder.save_best(4, {"knn": 1.0})
    refused(lambda: folder.restore("bset"), r"Did you mean 'best'\? Expected one of last, best, 3, 4, 6\.")


def test_a_best_checkpoint_that_is_damaged_is_told_and_taken_again(method, tmp_path, caplog):
    folder = CheckpointFolder(tmp_path / "checkpoints", method, TINY)
    folder.save_best(4, {"knn": 50.0})
    (folder.folder / "best-4.index").write_bytes(b"")
    best = BestCheckpoint(folder, 4, 8)
    assert best.best is None and "step 4" in caplog.text
    best.on_step(6, {"knn": 45.0})
    assert folder.steps("best") == [6]
