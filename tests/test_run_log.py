"""The lock on a run folder: another process is told of only where there is one."""

import errno
import logging
import subprocess
import sys

import pytest

from looc_tf.errors import UserError
from looc_tf.run import log as module


def test_what_never_became_a_run_leaves_what_was_there(tmp_path):
    """A log that is alone in its folder goes again when the training is refused; what else is there stays."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "train.log").write_text("an earlier try\n")
    for name in ("a/b/run", "empty", "stopped"):
        with pytest.raises(UserError, match="does not fit"), module.logging_to(tmp_path / name):
            raise UserError("It does not fit.")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "stopped", "train.log"]
    assert (tmp_path / "stopped" / "train.log").read_text() == "an earlier try\n"
    with pytest.raises(UserError, match="diverged"), module.logging_to(tmp_path / "run"):
        (tmp_path / "run" / "config.yaml").touch()
        raise UserError("It diverged.")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"config.yaml", "train.log"}


UNPROTECTED = "is not protected against a second training into it"


def failing(number):
    def flock(stream, how):
        raise OSError(number, "as a file system says")

    return flock


@pytest.mark.parametrize("number", [errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES], ids=errno.errorcode.get)
def test_a_lock_that_is_held_is_another_process(tmp_path, monkeypatch, number):
    monkeypatch.setattr(module.fcntl, "flock", failing(number))
    with pytest.raises(UserError, match="is being trained by another process"), module.logging_to(tmp_path):
        pass


@pytest.mark.parametrize(
    "number", [errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS], ids=errno.errorcode.get
)
def test_a_file_system_without_locks_is_trained_on_with_a_warning(tmp_path, monkeypatch, capsys, number):
    monkeypatch.setattr(module.fcntl, "flock", failing(number))
    with module.logging_to(tmp_path):
        logging.getLogger("looc_tf.test").info("a line of the run")
    for said in (capsys.readouterr().err, (tmp_path / "train.log").read_text()):
        assert said.count(UNPROTECTED) == 1 and "as a file system says" in said and "a line of the run" in said


def test_a_system_without_fcntl_is_trained_on_with_a_warning(tmp_path):
    code = (
        "import sys; sys.modules['fcntl'] = None\n"  # as where there is no such module: its import fails
        f"from pathlib import Path; from {module.__name__} import logging_to\n"
        f"with logging_to(Path({str(tmp_path)!r})): pass\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count(UNPROTECTED) == 1
