"""Builds the source distribution and, from it, the wheel; tries the wheel where nothing else is; fills `dist/`.

Run by make. The wheel goes into an empty environment together with what it declares and nothing more, in the locked
versions. There it must answer from an empty folder, so that neither the clone nor a tool of development can help.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import bootstrap

DIST = Path(bootstrap.HERE, "dist")
CONFIG = "import looc_tf; print(looc_tf.__file__, looc_tf.load_config('factors/looc').name)"
# Each module once: an import that no requirement stands for fails here.
MODULES = """
import importlib, pkgutil, looc_tf
for module in pkgutil.walk_packages(looc_tf.__path__, "looc_tf."):
    importlib.import_module(module.name)
print("all of looc_tf")
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        built, environment, nowhere = (Path(folder, name) for name in ("dist", "environment", "nowhere"))
        nowhere.mkdir()
        wheel = build(built)
        install(wheel, environment)
        try_out(environment, nowhere)
        shutil.copytree(built, DIST, dirs_exist_ok=True)
    bootstrap.say(f"{wheel.name} and its source distribution are in dist/")


def build(out):
    """Both files below `out`; uv unpacks the source distribution elsewhere and builds the wheel from that."""
    bootstrap.say("building the source distribution, and the wheel from it")
    # An earlier build left a list of files there, from which setuptools would take what MANIFEST.in has lost since.
    shutil.rmtree(Path(bootstrap.HERE, "looc_tf.egg-info"), ignore_errors=True)
    uv("build", "--no-build-isolation", "--python", sys.executable, "--out-dir", out, bootstrap.HERE)
    (wheel,) = out.glob("*.whl")
    return wheel


def install(wheel, environment):
    """What the wheel declares, and what that needs, at the versions and with the hashes of the lock."""
    bootstrap.say("installing the wheel into an empty environment")
    uv("venv", "--python", sys.executable, environment)
    uv("pip", "install", "--python", environment, "--constraint", bootstrap.LOCK, wheel)
    uv("pip", "check", "--python", environment)


def try_out(environment, nowhere):
    bootstrap.say("trying it from an empty folder")
    looc, python = environment / "bin" / "looc", environment / "bin" / "python"
    answers(nowhere, "looc, version", looc, "--version")
    answers(nowhere, "embed", looc, "--help")
    answers(nowhere, "imagenet100/looc++", looc, "configs")
    answers(nowhere, f"{environment}/", python, "-I", "-c", CONFIG)
    answers(nowhere, "all of looc_tf", python, "-I", "-c", MODULES)


def answers(folder, expected, *command):
    """Runs a command in `folder` without the caller's Python settings; what it prints must hold `expected`."""
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    quiet["TF_CPP_MIN_LOG_LEVEL"] = "3"
    answer = subprocess.run(
        command,
        cwd=folder,
        env=quiet,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0 or expected not in answer.stdout:
        line = " ".join(map(str, command))
        bootstrap.stop(f"expected {expected!r} from: {line}\nReceived:\n{answer.stdout}{answer.stderr}")


def uv(*command):
    """uv tells of every file that a build copies; all that is shown when it fails."""
    program = bootstrap.find_uv() or bootstrap.install_uv()
    words = [program, *map(str, command)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        bootstrap.stop(f"this command failed: {' '.join(words)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
