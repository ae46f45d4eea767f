"""Want of memory is told with what needs less of it; no message is the first line of a graph's error."""

import errno
import shutil

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from helpers import awkward, tiny
from PIL import Image

from looc_tf.cli import cli
from looc_tf.data import ingest
from looc_tf.errors import UserError, cause, out_of_memory, reason
from looc_tf.methods import LooC, SimCLR
from looc_tf.training import train

OOM = """Graph execution error:

Detected at node looc/encoder/conv2d/Conv2D defined at (most recent call last):
  File "/home/u/run.py", line 10, in <module>

  File "/usr/lib/keras/src/engine/training.py", line 1807, in fit

OOM when allocating tensor with shape[32,256,256,128] and type float on /device:CPU:0 by allocator mklcpu
\t [[{{node looc/encoder/conv2d/Conv2D}}]]
Hint: If you want to see a list of allocated tensors when OOM happens, add report_tensor_allocations_upon_oom.
 [Op:__inference_train_function_113]"""
PYTHON = """Graph execution error:

Detected at node PyFunc defined at (most recent call last):
<stack traces unavailable>
MemoryError: Unable to allocate 2.00 GiB for an array with shape (2, 3) and data type uint8
Traceback (most recent call last):
"""
ASSERTION = """Graph execution error:

Detected at node Assert/Assert defined at (most recent call last):
  File "/home/u/run.py", line 17, in <module>

assertion failed: [Expected more.] [[0][0]]
\t [[{{node Assert/Assert}}]] [Op:__inference_train_function_236]"""
FULL = "runs/out of memory/x; No space left on device\nstack"


def of_tensorflow(kind, message):
    return kind(None, None, message)


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (of_tensorflow(tf.errors.ResourceExhaustedError, OOM), " at a tensor of [32, 256, 256, 128]"),
        (of_tensorflow(tf.errors.ResourceExhaustedError, PYTHON), " at a tensor of [2, 3]"),
        (of_tensorflow(tf.errors.InternalError, "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8"), ""),
        (of_tensorflow(tf.errors.UnknownError, "std::bad_alloc"), ""),
        (MemoryError("std::bad_alloc"), ""),
        (MemoryError(), ""),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), ""),
        (of_tensorflow(tf.errors.ResourceExhaustedError, FULL), None),
        (of_tensorflow(tf.errors.InvalidArgumentError, ASSERTION), None),
        (OSError(errno.ENOSPC, "No space left on device", "out of memory"), None),
        (RuntimeError("out of memory"), None),
    ],
)
def test_want_of_memory_is_told_from_a_full_disk_and_from_everything_else(error, place):
    assert out_of_memory(error) == place


def test_numpy_says_at_which_array():
    with pytest.raises(MemoryError) as caught:
        np.zeros([2**23, 2**22])
    assert out_of_memory(caught.value) == " at a tensor of [8388608, 4194304]"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (OOM, "OOM when allocating tensor with shape[32,256,256,128] and type float on /device:CPU:0 by"),
        (ASSERTION, "[Expected more.]"),
        ("Graph execution error:", "InvalidArgumentError"),
        ("{{function_node __wrapped__X_device_/job}} Matrix size-incompatible: [Op:MatMul] name: ", "Matrix size-inc"),
    ],
)
def test_the_cause_is_the_line_that_says_it(text, line):
    error = of_tensorflow(tf.errors.InvalidArgumentError, text)
    assert cause(error).startswith(line) and reason(error).startswith(line.rstrip(".")[:60])


def command(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("looc_tf.report.evaluate_run", fail)
    return CliRunner().invoke(cli, ["evaluate", "run"], prog_name="looc")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (of_tensorflow(tf.errors.ResourceExhaustedError, OOM), "Out of memory at a tensor of [32, 256, 256, 128]. "),
        (MemoryError("std::bad_alloc"), "Out of memory. "),
        (of_tensorflow(tf.errors.ResourceExhaustedError, FULL), "No space left on device"),
        (of_tensorflow(tf.errors.PermissionDeniedError, ASSERTION), "Expected more."),
    ],
)
def test_a_command_ends_in_the_cause(error, words, monkeypatch):
    answer = command(monkeypatch, error)
    assert answer.exit_code == 2 and words in answer.stderr and answer.stderr.count("\n") == 1
    assert "Graph execution error" not in answer.stderr


def test_a_fault_of_the_code_keeps_its_traceback_which_ends_in_the_cause(monkeypatch):
    answer = command(monkeypatch, of_tensorflow(tf.errors.InvalidArgumentError, ASSERTION))
    assert isinstance(answer.exception, RuntimeError) and answer.exception.__cause__ is not None
    assert str(answer.exception).startswith("InvalidArgumentError: [Expected more.]")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tiny.draw(tmp_path_factory.mktemp("data") / "pictures")


def small(pictures, *overrides):
    return tiny.experiment(
        pictures, "model.backbone=plain6", "training.monitor_every=0", "training.steps=1", *overrides
    )


def too_much(_, *__):
    """More than any machine has, asked for inside the step: a real error of TensorFlow."""
    wide = tf.random.uniform([2**23, 2**22])
    tf.debugging.assert_greater(tf.reduce_sum(wide), 0.0)


@pytest.mark.parametrize(
    ("method", "overrides", "remedy"),
    [
        (LooC, [], "Lower training.batch (of 8) or views.size (of 16), or set training.accumulate=2."),
        (LooC, ["method.key_groups=1"], "Lower training.batch (of 8) or views.size (of 16)."),
        (SimCLR, ["method={name: simclr}"], "Lower training.batch (of 8) or views.size (of 16)."),
    ],
)
def test_a_training_without_memory_names_what_this_method_takes(
    method, overrides, remedy, pictures, tmp_path, monkeypatch
):
    monkeypatch.setattr(method, "commit", too_much)
    with pytest.raises(UserError) as told:
        train(small(pictures, *overrides), tmp_path / "run")
    assert str(told.value) == f"Out of memory at a tensor of [8388608, 4194304]. {remedy}"


def test_pictures_that_do_not_fit_into_memory(pictures, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise MemoryError("Unable to allocate 9. TiB for an array with shape (9, 64) and data type uint8")

    monkeypatch.setattr("looc_tf.training.fit.open_source", fail)
    with pytest.raises(UserError, match=r"^Out of memory at a tensor of \[9, 64\]\. Lower data\.size, or set data\.li"):
        train(small(pictures), tmp_path / "run")


def large_one(monkeypatch):
    """No memory for the picture of 77 pixels, which is the only one of that side."""

    def failing(decode):
        def fail(data, *rest):
            if (77).to_bytes(4, "big") in (data if isinstance(data, bytes) else data.numpy())[:24]:
                raise MemoryError("Unable to allocate 9. TiB for an array with shape (9, 64) and data type uint8")
            return decode(data, *rest)

        return fail

    def none_at_once(*_):
        raise MemoryError

    for door in ("swift_square", "decode_square"):
        monkeypatch.setattr(ingest, door, failing(getattr(ingest, door)))
    monkeypatch.setattr(ingest, "_decoder", lambda *_: none_at_once)


def test_one_picture_that_does_not_fit_into_memory_is_skipped(pictures, tmp_path, monkeypatch, capfd):
    folder = shutil.copytree(pictures, tmp_path / "pictures")
    Image.new("RGB", (77, 77)).save(next(folder.glob("*/")) / "large.png")
    large_one(monkeypatch)
    train(small(folder), tmp_path / "run")
    assert "1 picture skipped: " in (said := capfd.readouterr().err) and "large.png (too large for the memory)" in said
    data = next(folder.glob("*/large.png")).read_bytes()
    assert ingest.readable_batch([data], 16) == ["too large for the memory"]


def test_no_picture_is_blamed_where_no_memory_is_left_for_any(pictures, monkeypatch):
    data = next(pictures.rglob("*.png")).read_bytes()

    def fail(*_, **__):
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr(ingest, "swift_square", fail)
    monkeypatch.setattr(ingest, "decode_square", fail)
    monkeypatch.setattr(ingest, "_decoder", lambda *_: fail)
    monkeypatch.setattr(ingest.np, "empty", fail)
    with pytest.raises(MemoryError, match="bad_alloc"):
        ingest.readable_batch([data], 16)


def test_checkpoints_are_not_called_damaged_for_want_of_memory(pictures, tmp_path, monkeypatch):
    out = train(small(pictures, "training.steps=0"), tmp_path / "run")

    def fail(*_):
        raise of_tensorflow(tf.errors.ResourceExhaustedError, OOM)

    monkeypatch.setattr("looc_tf.run.state.State.read", fail)
    said = awkward.looc("evaluate", out)
    assert "Out of memory at a tensor of [32, 256, 256, 128]." in said and "can be read" not in said


def test_a_mistake_told_inside_a_graph_is_told_as_one(pictures, tmp_path, monkeypatch):
    """Pictures that have become unreadable since the run began, say."""

    def fetch(self, indices):
        raise UserError("Expected readable pictures. All are gone.")

    monkeypatch.setattr("looc_tf.data.source.Source._gather", fetch)
    with pytest.raises(UserError, match=r"^Expected readable pictures\. All are gone\.$"):
        train(small(pictures), tmp_path / "run")
