"""What Windows lacks, taken away: a run trains, is loaded, evaluated, exported and embedded without it."""

import errno
import fcntl
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import awkward, tiny

from looc_tf.errors import UserError
from looc_tf.run import log as module

HELPERS = Path(awkward.__file__).parent.parent
LACKING = """
import os, signal, sys
sys.modules["fcntl"] = sys.modules["resource"] = sys.modules["pwd"] = None  # their import fails
for name in ("sched_getaffinity", "getuid", "geteuid", "O_NOFOLLOW", "O_DIRECTORY", "fork"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGUSR1"):
    delattr(signal, name)

def refused(*_, **__):
    raise OSError(1314, "A required privilege is not held by the client")

os.symlink = refused
synced = os.fsync

def fsync(descriptor):
    # Windows takes only what is open to be written, and no folder
    assert os.lseek(descriptor, 0, os.SEEK_CUR) >= 0 and os.write(descriptor, b"") == 0
    synced(descriptor)

os.fsync = fsync
"""
TRAINS = """
from pathlib import Path
from helpers import awkward
place = awkward.Place(Path(sys.argv[1]), "a b")
place.prepare(Path(sys.argv[2]))
said = {what: call() for what, call in place.commands(whole=False)}
assert not any(said.values()), said
assert place.wrote() == [], place.wrote()
names = [path.name for path in place.real.rglob("*")]
assert not [name for name in names if set(name) & set('<>:"|?*') or name[-1] in ". "], names
"""
OTHER = """
import fcntl, sys
with open(sys.argv[1], "ab") as file:
    try:
        if sys.argv[2] == "msvcrt":
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 2**30)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print("mine", flush=True)
    except OSError:
        print("held", flush=True)
    sys.stdin.readline()
"""


def python(code, *arguments, **options):
    environment = {**os.environ, "PYTHONPATH": f"{HELPERS}{os.pathsep}{os.environ.get('PYTHONPATH', HELPERS.parent)}"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment, **options,
    )  # fmt: skip


def test_every_command_works_without_what_windows_lacks(tmp_path):
    pictures = tiny.draw(tmp_path / "base", each=14)
    process = python(LACKING + TRAINS, tmp_path / "place", pictures)
    _, error = process.communicate()
    assert process.returncode == 0, error[-3000:]


class Msvcrt:
    """Windows's module, as far as it is used, by the locks of this system."""

    LK_NBLCK = 2

    @staticmethod
    def locking(descriptor, how, count):
        assert (how, count) == (Msvcrt.LK_NBLCK, 1) and os.lseek(descriptor, 0, os.SEEK_CUR) == 2**30
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, count, 2**30)
        except OSError as error:
            raise OSError(errno.EDEADLK, "Resource deadlock avoided") from error  # what Windows says


@pytest.mark.parametrize("system", ["msvcrt", "fcntl"])
def test_two_trainings_into_one_folder_are_kept_apart(system, tmp_path, monkeypatch):
    if system == "msvcrt":
        monkeypatch.setattr(module, "fcntl", None)
        monkeypatch.setattr(module, "msvcrt", Msvcrt)

    def other():
        process = python(OTHER, tmp_path / "train.log", system)
        return process, process.stdout.readline().strip()

    with module.logging_to(tmp_path):
        process, found = other()
        process.communicate("\n")
        logging.getLogger("looc_tf.test").info("a line of the run")
        assert found == "held"
    process, found = other()
    with pytest.raises(UserError, match="is being trained by another process"), module.logging_to(tmp_path):
        pass
    process.communicate("\n")
    with module.logging_to(tmp_path):
        pass
    assert found == "mine" and (tmp_path / "train.log").read_text().count("a line of the run") == 1
