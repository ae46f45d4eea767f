"""Builds the source distribution and, from it, the wheel; tries the wheel where nothing else is; fills `dist/`.

Run by make. Both files must be what PyPI would take. The wheel goes into an empty environment of each lane together
with what it declares and nothing more, in the locked versions. There it must answer from an empty folder, so that
neither the clone nor a tool of development can help.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import bootstrap

DIST, LOCKS = Path(bootstrap.HERE, "dist"), Path(bootstrap.HERE, "requirements")
LANES = {"library": "3.10", "current": "3.12"}  # the lock of a lane -> a Python of it
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
        built, tools, nowhere = (Path(folder, name) for name in ("dist", "tools", "nowhere"))
        nowhere.mkdir()
        wheel = build(built)
        check(built, tools)
        for lock, version in LANES.items():
            environment = Path(folder, version)
            install(wheel, environment, LOCKS / f"{lock}.lock", version)
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


def check(built, tools):
    """That PyPI would take and show both files, and that the wheel holds what it is meant to: pyproject.toml says."""
    bootstrap.say("checking what is said of them, and what the wheel holds")
    uv("venv", "--python", sys.executable, tools)
    uv("pip", "install", "--python", tools, "--require-hashes", "--requirement", LOCKS / "package.lock")
    what_is_meant = Path(bootstrap.HERE, "pyproject.toml")
    run(tools / "bin" / "twine", "check", "--strict", *built.glob("looc_tf-*"))
    run(tools / "bin" / "check-wheel-contents", "--config", what_is_meant, *built.glob("*.whl"))


def install(wheel, environment, lock, version):
    """What the wheel declares, and what that needs, at the versions and with the hashes of the lock."""
    bootstrap.say(f"installing the wheel into an empty environment of Python {version}")
    python = bootstrap.find_python([version]) or bootstrap.provide_python(find_uv(), version)
    uv("venv", "--python", python, environment)
    uv("pip", "install", "--python", environment, "--constraint", lock, wheel)
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


def find_uv():
    return bootstrap.find_uv() or bootstrap.install_uv()


def uv(*command):
    run(find_uv(), *command)


def run(*command):
    """uv tells of every file that a build copies; what a command says is shown when it fails."""
    words = [*map(str, command)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        bootstrap.stop(f"this command failed: {' '.join(words)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
