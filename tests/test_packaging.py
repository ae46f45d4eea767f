"""What is given away: a source distribution, and the wheel that is built from it and from nothing else."""

import configparser
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGES = ("looc_tf", "pipeline")
LEFT_OUT = shutil.ignore_patterns(".*", "runs", "exports", "build", "dist", "*.egg-info", "__pycache__")
# Files that no list in setup.py may forget: templates, style sheets and packages that come later.
LATER = (
    "looc_tf/report/later.css",
    "looc_tf/report/later.js",
    "looc_tf/report/later.j2",
    "looc_tf/later/__init__.py",
    "looc_tf/later/later.html",
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the project, since a build writes beside what it reads."""
    tree = tmp_path_factory.mktemp("tree") / "looc_tf"
    shutil.copytree(PROJECT, tree, ignore=LEFT_OUT)
    for name in LATER:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).touch()
    return tree


@pytest.fixture(scope="module")
def sdist(tree, tmp_path_factory):
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(folder / build("sdist", tree, folder)) as archive:
        archive.extractall(folder)
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    return unpacked


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """{name: content} of the wheel that the unpacked source distribution gives."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(folder / build("wheel", sdist, folder)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def build(what, tree, out):
    """Calls setuptools as an installer does (PEP 517), in a process that sees nothing but the tree; the file's name."""
    code = f"from setuptools import build_meta; print(build_meta.build_{what}({str(out)!r}))"
    answer = subprocess.run([sys.executable, "-I", "-c", code], cwd=tree, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, f"the {what} was not built:\n{answer.stderr}"
    return answer.stdout.splitlines()[-1]


def files(folder, top):
    return {path.relative_to(folder).as_posix() for path in (folder / top).rglob("*") if path.is_file()}


def test_the_wheel_holds_the_packages_and_the_configs_and_nothing_else(tree, wheel):
    expected = {f"looc_tf/{name}" for name in files(tree, "configs")}.union(*(files(tree, name) for name in PACKAGES))
    assert {name for name in wheel if ".dist-info/" not in name} == expected
    assert {"looc_tf/py.typed", "looc_tf/configs/factors/looc.yaml", *LATER} <= expected


def test_the_wheel_brings_the_command_and_the_licence(wheel):
    (about,) = {name.split("/")[0] for name in wheel if ".dist-info/" in name}
    entries = configparser.ConfigParser()
    entries.read_string(wheel[f"{about}/entry_points.txt"].decode())
    assert dict(entries["console_scripts"]) == {"looc": "looc_tf.cli:main"}
    assert any(name.endswith("LICENSE") for name in wheel if name.startswith(about))


def test_the_source_distribution_holds_what_a_build_needs(tree, sdist):
    top = {path.name for path in sdist.iterdir()}
    assert {"setup.py", "pyproject.toml", "LICENSE", "README.md", "configs", *PACKAGES} <= top
    assert not {"tests", "benchmarks", "docs", "scripts"} & top  # a part of the tests cannot run
    assert files(sdist, "configs") == files(tree, "configs")


def test_a_script_beside_a_clone_imports_the_package_and_not_the_clones_folder(tmp_path):
    """Before, setuptools' finder was asked after the script's own folder, where the clone looked like a package."""
    (tmp_path / "looc_tf" / "looc_tf").mkdir(parents=True)
    (tmp_path / "script.py").write_text("import looc_tf\n\nprint(looc_tf.__version__)\n")
    command = [sys.executable, "script.py"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
