"""`make demo`: an interrupted one goes on, a finished one is moved aside."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[1] / "Makefile"

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


@pytest.fixture
def demo(tmp_path):
    """Runs `make demo` in a set-up folder whose `looc` only writes down what it was asked for."""
    shutil.copy(MAKEFILE, tmp_path)
    for name in ("setup.py", "requirements/library.lock", "scripts/bootstrap.py", ".venv/.ready", ".venv/bin/looc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".venv/bin/looc").write_text('#!/bin/sh\necho "looc $*"\nls runs/demo 2>/dev/null\nexit 0\n')
    (tmp_path / ".venv/bin/looc").chmod(0o755)

    def run(*held):
        for name in held:
            (tmp_path / "runs" / "demo").mkdir(parents=True, exist_ok=True)
            (tmp_path / "runs" / "demo" / name).touch()
        # Not as a part of the `make test` that may be running this: it would say which folder it enters.
        apart = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        command = {"args": ["make", "demo"], "cwd": tmp_path, "env": apart}
        answer = subprocess.run(**command, capture_output=True, text=True, check=True)
        command, *found = answer.stdout.splitlines()
        assert command == "looc demo --out runs/demo"
        return sorted(found), len(list((tmp_path / "runs").glob("demo-*")))

    return run


def test_a_first_demo(demo, tmp_path):
    (tmp_path / "runs").mkdir()
    assert demo() == ([], 0)


def test_an_interrupted_demo_goes_on(demo):
    assert demo("demo.json", "looc") == (["demo.json", "looc"], 0)


@pytest.mark.parametrize("held", [("demo.json", "report.html"), ("report.html",), ("looc",)])
def test_a_finished_demo_and_one_that_cannot_go_on_are_moved_aside(demo, held):
    assert demo(*held) == ([], 1)
