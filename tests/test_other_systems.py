"""What Windows lacks, taken away: a run trains, is loaded, evaluated, exported and embedded without it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import awkward, tiny

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
said = {what: call() for what, call in place.commands(with_demo=False)}
assert not any(said.values()), said
assert place.wrote() == [], place.wrote()
names = [path.name for path in place.real.rglob("*")]
assert not [name for name in names if set(name) & set('<>:"|?*') or name[-1] in ". "], names
"""
MSVCRT = """
import types, fcntl
real = fcntl

def locking(descriptor, how, count):
    assert (how, count) == (2, 1) and os.lseek(descriptor, 0, os.SEEK_CUR) == 2**30
    try:
        real.lockf(descriptor, real.LOCK_EX | real.LOCK_NB, count, 2**30)
    except OSError as error:
        raise OSError(36, "Resource deadlock avoided") from error  # EDEADLOCK, of Windows

fake = types.ModuleType("msvcrt")
fake.LK_NBLCK, fake.locking = 2, locking
sys.modules["msvcrt"] = fake
"""
HOLDS = """
import errno
errno.EDEADLK = 36
from pathlib import Path
from looc_tf.run.log import logging_to
import logging
with logging_to(Path(sys.argv[1])):
    logging.getLogger("looc_tf.test").info("a line of the run")
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


@pytest.mark.parametrize("system", [MSVCRT + LACKING, ""], ids=["msvcrt", "fcntl"])
def test_two_trainings_into_one_folder_are_kept_apart(system, tmp_path):
    start = "import os, sys\n" + system + HOLDS
    first = python(start, tmp_path)
    assert first.stdout.readline() == "held\n", first.stderr.read()
    second = python(start, tmp_path)
    _, refusal = second.communicate()
    first.communicate("done\n")
    third = python(start, tmp_path)
    said, _ = third.communicate("done\n")
    assert "is being trained by another process" in refusal and said == "held\n"
    log = (tmp_path / "train.log").read_bytes()
    assert log.count(b"a line of the run") == 2 and b"\0" not in log
