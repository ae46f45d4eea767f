"""Where the file of a config is: a path, a name of those that are shipped, or the `base` of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from looc_tf.errors import UserError, nearest, shown, unknown


def names() -> list[str]:
    """The shipped configs, such as `"factors/looc"`, in order."""
    folder = _shipped()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def find(config: str | Path) -> Path:
    """The file behind a path or a shipped name; `UserError` with the nearest name on a miss."""
    path, shipped = Path(config), names()
    if _is_file(path):
        return path
    if _is_file(path / "config.yaml"):  # the folder of a run
        return path / "config.yaml"
    name = path.as_posix().removesuffix(".yaml")
    if name in shipped:
        return _shipped() / f"{name}.yaml"
    hint = nearest(name, shipped)
    if path.suffix and _is_file(other := path.with_suffix(".yaml")):  # of mine.yml
        hint = f"Did you mean {shown(other.as_posix())}? "
    raise UserError(
        f"There is no config {shown(str(config))}. {hint}Expected a YAML file, or a name that `looc configs` lists."
    )


def base_of(path: Path, base: Any) -> Path:
    """The file that a config begins from: a sibling of it, else a shipped one; `UserError` on a miss."""
    name = base.removesuffix(".yaml") if isinstance(base, str) else None
    for folder in (path.parent, _shipped()):
        if name and _is_file(file := folder / f"{name}.yaml"):
            return file
    siblings = sorted(other.stem for other in path.parent.glob("*.yaml") if other != path)
    raise unknown(f"base in {path}:", str(base), dict.fromkeys([*siblings, *names()]))


def _shipped() -> Path:
    """`configs/` beside the package in a clone, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than any file's
        return False
