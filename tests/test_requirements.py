"""What is imported is declared: in setup.py for those who install the package, in requirements/*.in for the locks."""

import ast
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1]
PEERS = PROJECT / "benchmarks" / "peers"
# top-level module -> who distributes it, where the name alone does not tell
DISTRIBUTIONS = {
    "absl": "absl-py",
    "google": "protobuf",
    "grpc": "grpcio",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
    "xdist": "pytest-xdist",
    "yaml": "pyyaml",
}
# tensorboard, TensorFlow and tensorflow-datasets import them
NEVER_IMPORTED = {"setuptools", "tf-keras", "importlib-resources"}
BUILDS = {"setuptools"}  # the editable install, in each lane
LANES = {"library": "3.10", "current": "3.12"}  # the lock -> a Python of its lane


def declared():
    """{"": what everybody installs, extra: what it adds}, as setup.py says."""
    tree = ast.parse((PROJECT / "setup.py").read_text(encoding="utf8"))
    (call,) = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "setup")
    said = {word.arg: word.value for word in call.keywords}
    parts = {"": said["install_requires"], **ast.literal_eval(said["extras_require"])}
    parts[""] = ast.literal_eval(parts[""])
    return {part: [Requirement(text) for text in texts] for part, texts in parts.items()}


def listed(name):
    """[what runs, tools] of requirements/<name>.in: a comment divides them."""
    parts = (PROJECT / "requirements" / f"{name}.in").read_text(encoding="utf8").split("# tools of development")
    lines = [[line.split("#")[0].strip() for line in part.splitlines()] for part in parts]
    return [[Requirement(line) for line in part if line and not line.startswith("-r")] for part in lines]


def locked(name):
    """{distribution: version} of requirements/<name>.lock."""
    text = (PROJECT / "requirements" / f"{name}.lock").read_text(encoding="utf8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def in_lane(lane, requirements):
    """Those that are asked for under the Python of a lane."""
    python = {"python_version": LANES[lane]}
    return [each for each in requirements if each.marker is None or each.marker.evaluate(python)]


def names(*parts):
    return {canonicalize_name(requirement.name) for part in parts for requirement in part}


def imported(folder):
    """The distributions that the files below a folder import, also inside functions."""
    helpers = {path.stem for path in [PROJECT / "tests", *(PROJECT / "tests").rglob("*")]}
    ours = {"looc_tf", "pipeline", "benchmarks", *helpers}
    found = set()
    for path in (PROJECT / folder).rglob("*.py"):
        if PEERS in path.parents and PROJECT / folder != PEERS:
            continue  # in an environment of their own, see below
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return {canonicalize_name(DISTRIBUTIONS.get(name, name)) for name in found - ours - sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("looc_tf", ("heic",)),
        ("pipeline", ("pipeline",)),
        ("benchmarks", ("dev", "pipeline")),
        ("tests", ("dev", "pipeline")),
    ],
)
def test_what_is_imported_is_declared(folder, extras):
    assert imported(folder) <= names(*(declared()[part] for part in ("", *extras)))


def test_programs_of_other_libraries_import_what_their_environment_is_made_of():
    """It is told of in benchmarks/README.md alone: nothing of it is a dependency of the project."""
    line = re.search(r"PEERS/bin/pip install (.*)", (PROJECT / "benchmarks" / "README.md").read_text(encoding="utf8"))
    brought = {"numpy", "pillow"}  # by torchvision
    assert imported("benchmarks/peers") <= names([Requirement(each) for each in line.group(1).split()]) | brought


@pytest.mark.parametrize(("part", "folder"), [("", "looc_tf"), ("pipeline", "pipeline")])
def test_what_is_declared_is_imported(part, folder):
    assert names(declared()[part]) <= imported(folder) | NEVER_IMPORTED


@pytest.mark.parametrize("lane", LANES)
def test_setup_and_the_locks_start_from_the_same_names(lane):
    everybody, tools = listed(lane)
    assert names(everybody) == names(in_lane(lane, declared()[""])) | BUILDS
    assert names(tools) == names(declared()["dev"])
    assert names(*listed("pipeline")) == names(declared()["pipeline"])


def test_the_pipeline_of_the_current_lane_starts_from_the_same_names_within_the_declared_ranges():
    assert names(*listed("pipeline-current")) == names(declared()["pipeline"])
    versions, python = locked("pipeline-current"), {"python_version": "3.11"}
    for requirement in (each for part in ("", "pipeline") for each in declared()[part]):
        if requirement.marker is None or requirement.marker.evaluate(python):
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("lane", LANES)
def test_the_locked_versions_are_within_the_declared_ranges(lane):
    versions = locked("pipeline" if lane == "library" else lane)
    assert locked("library").items() <= locked("pipeline").items()
    for part in ("", "dev", "pipeline") if lane == "library" else ("", "dev"):
        for requirement in in_lane(lane, declared()[part]):
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{requirement} against {version}"
