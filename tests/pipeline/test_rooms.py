"""The rooms of the pipeline: one imports only from its left, and the library imports none. Needs no TFX."""

import ast
from pathlib import Path

import pytest

import looc_tf
import pipeline

PACKAGE = Path(pipeline.__file__).parent
LIBRARY = Path(looc_tf.__file__).parent
# From left to right; the first five are files. `pipeline/__init__.py` only hands out `artifacts`.
ROOMS = (
    "artifacts storage experiments fingerprint probes "
    "metadata baseline examples judging serving steps definition runners commands"
).split()
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
MODULES = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in FILES}


def imports(path):
    """(module, line) of every import, those inside functions included; a name that is a module counts as one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name if name in MODULES else node.module, node.lineno) for name in names)


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def to_the_right(path, own):
    """The imports of a file of the room `own` from rooms that are not to its left."""
    for module, line in imports(path):
        package, _, rest = module.partition(".")
        if package == "pipeline" and rest and ROOMS.index(rest.partition(".")[0]) > ROOMS.index(own):
            yield f"{path.name}:{line}: {own} imports {module}, to its right"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_room_imports_only_from_its_left(path):
    assert room(path) in ROOMS, f"{room(path)} has no place; give it one in ROOMS"
    assert not list(to_the_right(path, room(path)))


def test_an_import_to_the_right_is_seen(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("def f():\n    from pipeline import storage\n    from pipeline.runners import local\n")
    assert list(to_the_right(path, "steps")) == ["x.py:3: steps imports pipeline.runners.local, to its right"]


def test_inside_a_room_imports_run_one_way():
    graph = {name: {module for module, _ in imports(path)} & set(MODULES) for name, path in MODULES.items()}
    while graph:
        ready = {name for name, used in graph.items() if not used & set(graph)}
        assert ready, f"these import one another in a circle: {sorted(graph)}"
        graph = {name: used for name, used in graph.items() if name not in ready}


def test_a_step_imports_no_other_step():
    """What two steps share has a room of its own; so a changed step runs again itself and what is behind it."""
    for name, path in MODULES.items():
        if name.startswith("pipeline.steps."):
            others = {module for module, _ in imports(path) if module.startswith("pipeline.steps.")}
            assert others <= {"pipeline.steps.run_fn"}, f"{name} imports {others}"


def test_every_room_says_what_it_is():
    assert {room(path) for path in FILES} >= set(ROOMS)
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf8"))), f"{path}: what is it?"
