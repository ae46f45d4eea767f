"""From a file, a shipped name and `--set` overrides to an `Experiment`, and back to YAML.

OmegaConf reads the YAML (no tags, no duplicate keys, `1e-4` is a number) and follows dotted overrides. Its
interpolations are refused: a config may come from somebody else, and `${oc.env:...}` would read the environment of
whoever runs it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from looc_tf.config.checks import validate
from looc_tf.config.convert import from_plain, to_plain
from looc_tf.config.limits import DEEPEST, measured
from looc_tf.config.schema import Experiment
from looc_tf.errors import UserError, nearest, printable, shown, unknown

_LONGEST_FIELD = 200  # characters of a dotted field
_MISFITS = (AttributeError, LookupError, TypeError, ValueError)  # such as PyYAML's to `!!timestamp x` or `!!int ""`


def load(config: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Reads an experiment.

    Args:
        config: a YAML file, or the name of a shipped one such as `"factors/looc"` (see `names`). A file may begin from
            a sibling with `base: <name>`: it then states only what differs. `views.chain` and lists are replaced whole.
        overrides: texts `dotted.field=value`; a number in the path is an index, the value is YAML.

    Raises:
        UserError: the file is missing or not YAML, a key is unknown, a value has the wrong type, or `validate` refuses.

    Example:
        >>> load("factors/looc", ["training.steps=10", "method.spaces.1.temperature=0.1"]).training.steps
        10
    """
    path = find(config)
    experiment = _from_file(path, ())
    for override in overrides:
        experiment = _override(experiment, override)
    changes = [printable(override, 200) for override in overrides]
    return _blaming(" --set ".join([str(path), *changes]), lambda: validate(experiment))


def names() -> list[str]:
    """The shipped configs, such as `"factors/looc"`, in order."""
    folder = _shipped()
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def find(config: str | Path) -> Path:
    """The file behind a path or a shipped name; `UserError` with the nearest name on a miss."""
    path, shipped = Path(config), names()
    if _is_file(path):
        return path
    name = path.as_posix().removesuffix(".yaml")
    if name in shipped:
        return _shipped() / f"{name}.yaml"
    raise UserError(
        f"There is no config {shown(str(config))}. {nearest(name, shipped)}"
        "Expected a YAML file, or a name that `looc configs` lists."
    )


def to_dict(experiment: Experiment) -> dict[str, Any]:
    """Nested dicts and lists of plain values, ready for JSON."""
    return to_plain(experiment)


def to_yaml(experiment: Experiment) -> str:
    """The whole experiment, defaults included; `load` reads it back to an equal one."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(to_dict(experiment)))


def difference(a: Experiment, b: Experiment) -> list[str]:
    """The dotted fields in which two experiments differ, such as `["method.spaces.1.temperature"]`."""
    return list(_differences(to_dict(a), to_dict(b)))


def _shipped() -> Path:
    """`configs/` beside the package in a clone, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def _from_file(path: Path, above: tuple[Path, ...]) -> Experiment:
    """The file over its base over the defaults; `above` are the files that led here."""
    if path.resolve() in above or len(above) > DEEPEST:
        raise UserError(f"{path}: its chain of `base:` leads back to itself, or is too long. Remove one of them.")
    content = _read(path)
    base = content.pop("base", None)
    start = Experiment() if base is None else _from_file(_base(path, base), (*above, path.resolve()))
    return _blaming(path, lambda: from_plain(Experiment, _overlay(to_dict(start), content)))


def _base(path: Path, base: Any) -> Path:
    file = path.parent / f"{base}.yaml"
    if not isinstance(base, str) or not _is_file(file):
        raise unknown(f"base in {path}:", str(base), sorted(p.stem for p in path.parent.glob("*.yaml") if p != path))
    return file


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than any file's
        return False


def _read(path: Path) -> dict[str, Any]:
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        text = path.read_text(encoding="utf-8")
        loaded = OmegaConf.load(io.StringIO(_blaming(path, lambda: measured(text))))
        content: Any = OmegaConf.to_container(loaded, resolve=False)
    except (yaml.YAMLError, OmegaConfBaseException, OSError, *_MISFITS) as error:
        raise UserError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected sections such as `data:`. Received a {type(content).__name__}.")
    _blaming(path, lambda: _refuse_interpolation(content))
    return content


def _override(experiment: Experiment, text: str) -> Experiment:
    """One `dotted.field=value` laid over an experiment."""
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    where, (field, equals, value) = printable(f"--set {text}", 200), text.partition("=")
    if not equals or not field or len(field) > _LONGEST_FIELD:
        raise UserError(f"{where}: expected field=value, such as training.steps=100.")
    try:
        _blaming(where, lambda: measured(value))
        parsed: Any = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={value}"]), resolve=False)
        _blaming(where, lambda: _refuse_interpolation({field: parsed["value"]}))
        holder = OmegaConf.create(to_dict(experiment))
        OmegaConf.update(holder, field, parsed["value"], merge=False, force_add=True)
    except (yaml.YAMLError, OmegaConfBaseException, *_MISFITS) as error:
        raise UserError(f"{where}: cannot be set: {str(error).splitlines()[0]}") from error
    return _blaming(where, lambda: from_plain(Experiment, OmegaConf.to_container(holder, resolve=False)))


def _overlay(under: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Sections are merged field by field; whatever a field holds is replaced whole."""
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(under.get(key), Mapping)
        merged[key] = {**under[key], **value} if both else value
    return merged


def _refuse_interpolation(content: Mapping[str, Any]) -> None:
    for field, value in _leaves(content):
        if isinstance(value, str) and "${" in value:
            raise UserError(f"{field} holds an interpolation, {shown(value)}. Write the value itself.")


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted field and value of everything that is not itself a filled dict or list."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    if not items:
        yield at, value
    for key, item in items:
        yield from _leaves(item, f"{at}.{key}" if at else str(key))


def _differences(a: Any, b: Any, at: str = "") -> Iterator[str]:
    if isinstance(a, dict) and isinstance(b, dict) and (list(a) == list(b) or set(a) != set(b)):
        for key in {**a, **b}:
            field = f"{at}.{key}" if at else str(key)
            yield from _differences(a[key], b[key], field) if key in a and key in b else (field,)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (left, right) in enumerate(zip(a, b)):
            yield from _differences(left, right, f"{at}.{index}")
    elif a != b or isinstance(a, dict):  # dicts that come here hold the same augmentations in another order
        yield at


def _blaming(where: object, act: Callable[[], Any]) -> Any:
    """Runs `act`; its user error begins with the file or option that caused it."""
    try:
        return act()
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
