"""A hash of the code behind a step, so that TFX's cache never answers for a step whose code has changed.

TFX's own cache looks at inputs and parameters alone. Each step of ours takes this fingerprint as a parameter; it covers
the files of this project that the step's module reaches through imports, so a change runs again what it can touch.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("looc_tf", "pipeline")
OUTSIDE = "tensorflow keras-cv tensorflow-addons tensorflow-datasets scikit-learn numpy tfx apache-beam".split()


def code_fingerprint(module: str) -> str:
    """16 hexadecimal digits of all files of the project that `module` imports, directly or through others.

    Imports inside functions count; templates, style sheets and scripts beside a reached module do as well.
    """
    digest = hashlib.sha256()
    for name in OUTSIDE:
        digest.update(f"{name}=={_version(name)}\n".encode())
    for path in sorted(reached(module)):
        digest.update(f"{path.relative_to(_root())}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def reached(module: str) -> set[Path]:
    """The files behind a module and behind what it imports from this project."""
    start = _file(module)
    if start is None:
        raise ValueError(f"Expected a module of {' or '.join(PACKAGES)}. Received {module!r}.")
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        found.update(other for other in path.parent.iterdir() if other.suffix in (".html", ".css", ".js"))
        for name in _imports(path):
            waiting.extend(file for file in _files(name) if file not in found)
    return found


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)  # the name may be a module


def _files(module: str) -> Iterator[Path]:
    """The module's file and the `__init__.py` of every package above it, where they are this project's."""
    parts = module.split(".")
    if parts[0] in PACKAGES:
        for length in range(1, len(parts) + 1):
            file = _file(".".join(parts[:length]))
            if file:
                yield file


def _file(module: str) -> Path | None:
    place = _root().joinpath(*module.split("."))
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _root() -> Path:
    spec = importlib.util.find_spec("pipeline")
    assert spec and spec.origin
    return Path(spec.origin).parent.parent


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
