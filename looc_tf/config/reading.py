"""From a file, a shipped name and `--set` overrides to an `Experiment`, and back to YAML.

OmegaConf reads the YAML (no tags, no duplicate keys, `1e-4` is a number) and follows dotted overrides. Its
interpolations are refused: a config may come from somebody else, and `${oc.env:...}` would read the environment of
whoever runs it.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from looc_tf.config.checks import validate
from looc_tf.config.convert import UnknownKey, from_plain, to_plain
from looc_tf.config.limits import DEEPEST, bounded
from looc_tf.config.schema import Experiment, Method
from looc_tf.config.shipped import base_of, find
from looc_tf.config.versions import RENAMED, VERSION, upgraded
from looc_tf.errors import UserError, printable, shown

_LONGEST_FIELD = 200  # characters of a dotted field
_PATHS = ("data.name", "data.labels")  # a file or folder may be called so; nothing is ever filled in
_MISFITS = (AttributeError, LookupError, TypeError, ValueError)  # such as PyYAML's to `!!timestamp x` or `!!int ""`
_TAB = re.compile(r"^ *\t", re.MULTILINE)  # of which YAML says but that no token begins so

SettingsOf = Callable[[str], type[Method]]  # name of a method -> the dataclass of its settings
_Files = list[tuple[object, dict[str, Any]]]  # where something is stated, and what


def load(
    config: str | Path,
    settings_of: SettingsOf,
    overrides: Sequence[str] = (),
    remade: Callable[[Experiment], Experiment] | None = None,
) -> Experiment:
    """Reads an experiment; `looc_tf.load_config` is this with the methods of the library.

    Args:
        config: a YAML file, or the name of a shipped one such as `"factors/looc"` (see `names`). A file may begin from
            a sibling or a shipped one with `base: <name>`: it then states only what differs. `views.chain` and lists
            are replaced whole.
        settings_of: gives the settings that a method declares. It is asked after all else has been read and checked, so
            that only a config without other mistakes waits for the import of TensorFlow.
        overrides: texts `dotted.field=value`; a number in the path is an index, the value is YAML. `method.name` comes
            first: a config of another method loses the settings of its own.
        remade: what is made of the config before it is overridden; it is shown the overrides of other sections.

    Raises:
        UserError: the file is missing or not YAML, a key is unknown, a value has the wrong type, or `validate` refuses.
    """
    path = find(config)
    return _laid_over(_files(path, ()), settings_of, overrides, remade)


def from_text(text: str, settings_of: SettingsOf, overrides: Sequence[str] = ()) -> Experiment:
    """Reads an experiment from YAML as `to_yaml` writes it; no `base`. Raises as `load`."""
    return _laid_over([("the config", upgraded(_parsed("the config", text)))], settings_of, overrides)


def from_dict(content: Mapping[str, Any], settings_of: SettingsOf) -> Experiment:
    """The inverse of `to_dict`, also of that of earlier versions; `UserError` for what does not fit."""
    content = upgraded(content)
    section = content.pop("method", {})
    return _with_method(from_plain(Experiment, content), section, settings_of)


def _laid_over(
    files: _Files,
    settings_of: SettingsOf,
    overrides: Sequence[str],
    remade: Callable[[Experiment], Experiment] | None = None,
) -> Experiment:
    """An experiment of what some files state, each over the one before, and of overrides; errors name the guilty."""
    content: dict[str, Any] = {}
    sections = []
    for where, stated in files:
        blaming(where, lambda: from_plain(Experiment, {**stated, "method": None}))  # noqa: B023 - at once
        content = _overlay(content, stated)
        if isinstance(stated.get("method"), Mapping) and isinstance(content["method"], Mapping):
            sections.append((where, {"name": content["method"].get("name", Method.name), **stated["method"]}))
    section = content.pop("method", {})
    experiment = from_plain(Experiment, content)
    of_method = [text for text in overrides if _section(text) == "method"]
    others = [text for text in overrides if _section(text) != "method"]
    for override in others:
        experiment = _override(experiment, override, settings_of)
    last = files[-1][0]
    blaming(place(last, overrides), lambda: validate(experiment))
    for where, stated in sections:
        blaming(where, lambda: _with_method(experiment, stated, settings_of))  # noqa: B023 - at once
    experiment = blaming(last, lambda: _with_method(experiment, section, settings_of))
    if remade is not None:
        experiment = remade(experiment)
        of_method = [*others, *of_method]
    for override in sorted(of_method, key=lambda text: not text.startswith("method.name=")):
        experiment = _override(experiment, override, settings_of)
    return experiment


def _with_method(experiment: Experiment, section: Any, settings_of: SettingsOf) -> Experiment:
    """The experiment with the settings that its method declares."""
    name = section.get("name", Method.name) if isinstance(section, Mapping) else Method.name
    kind = settings_of(name if isinstance(name, str) else str(name))
    try:
        settings = from_plain(kind, section, "method")
    except UnknownKey as error:
        raise UserError(f"{error} That is what the method {name!r} reads.") from error
    return dataclasses.replace(experiment, method=settings)


def place(where: object, overrides: Sequence[str]) -> str:
    """Where something that a config says stands: its file and what was laid over it, for the start of a message."""
    return " --set ".join([str(where), *(printable(override, 200) for override in overrides)])


def about(config: str) -> str:
    """What a shipped config says of itself in its first line; nothing else of it is read."""
    return str(read_plain(find(config)).get("about", "")).partition("\n")[0]


def to_dict(experiment: Experiment) -> dict[str, Any]:
    """Nested dicts and lists of plain values, ready for JSON; `from_dict` reads them back."""
    return {"version": VERSION, **to_plain(experiment)}


def to_yaml(experiment: Experiment) -> str:
    """The whole experiment, defaults included; `load` reads it back to an equal one."""
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.create(to_dict(experiment)))


def difference(a: Experiment, b: Experiment) -> list[str]:
    """The dotted fields in which two experiments differ, such as `["method.spaces.1.temperature"]`."""
    return unlike(to_plain(a), to_plain(b))


def unlike(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """The same of experiments as plain values."""
    return list(_differences(a, b))


def _files(path: Path, above: tuple[Path, ...]) -> _Files:
    """A file after those that it begins from, each with what it states; `above` are the files that led here."""
    if path.resolve() in above or len(above) > DEEPEST:
        raise UserError(f"{path}: its chain of `base:` leads back to itself, or is too long. Remove one of them.")
    stated = read_plain(path)
    content = blaming(path, lambda: upgraded(stated))
    base = content.pop("base", None)
    if base is not None and "name" in content:  # another experiment, of which the base's words are not true
        content = {"about": "", **content}
    before = [] if base is None else _files(base_of(path, base), (*above, path.resolve()))
    return [*before, (path, content)]


def read_plain(path: Path) -> dict[str, Any]:
    """What one file states, as plain values: no base, no defaults, nothing checked but that it is safe to read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as YAML: {error}") from error
    return _parsed(path, text)


def _parsed(where: object, text: str) -> dict[str, Any]:
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        loaded = OmegaConf.load(io.StringIO(blaming(where, lambda: bounded(text))))
        content: Any = OmegaConf.to_container(loaded, resolve=False)
    except (yaml.YAMLError, OmegaConfBaseException, OSError, *_MISFITS) as error:
        tab = _TAB.search(text)
        why = f"line {text.count(chr(10), 0, tab.end()) + 1} begins with a tab, indent with spaces" if tab else error
        raise UserError(f"{where}: cannot be read as YAML: {why}") from error
    if not isinstance(content, dict):
        raise UserError(f"{where}: expected sections such as `data:`. Received a {type(content).__name__}.")
    blaming(where, lambda: _refuse_interpolation(content))
    return content


def _override(experiment: Experiment, text: str, settings_of: SettingsOf) -> Experiment:
    """One `dotted.field=value` laid over an experiment."""
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    where, (field, equals, value) = printable(f"--set {text}", 200), text.partition("=")
    field = RENAMED.get(field, field)
    if not equals or not field or len(field) > _LONGEST_FIELD:
        raise UserError(f"{where}: expected field=value, such as training.steps=100.")
    try:
        blaming(where, lambda: bounded(value))
        parsed: Any = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={value}"]), resolve=False)
        blaming(where, lambda: _refuse_interpolation({field: parsed["value"]}))
        if field == "method.name" and parsed["value"] != experiment.method.name:
            field, parsed = "method", {"value": {"name": parsed["value"]}}
        holder = OmegaConf.create(to_plain(experiment))
        OmegaConf.update(holder, field, parsed["value"], merge=False, force_add=True)
    except (yaml.YAMLError, OmegaConfBaseException, *_MISFITS) as error:
        why = "there is no such place in the list" if isinstance(error, IndexError) else str(error).splitlines()[0]
        raise UserError(f"{where}: cannot be set: {why}") from error
    content: Any = OmegaConf.to_container(holder, resolve=False)
    section = content.pop("method", None) if isinstance(content, dict) else None
    if _section(field) != "method":  # which may not have been read yet
        return dataclasses.replace(blaming(where, lambda: from_plain(Experiment, content)), method=experiment.method)
    return blaming(where, lambda: _with_method(from_plain(Experiment, content), section, settings_of))


def _section(override: str) -> str:
    return re.split(r"[.\[]", override.partition("=")[0], maxsplit=1)[0]


def _overlay(under: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Sections are merged field by field; what a field holds is replaced whole, and so is another method's section."""
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(under.get(key), Mapping)
        if both and key == "method":
            name = under[key].get("name", Method.name)
            both = value.get("name", name) == name  # else the base's settings are those of another method
        merged[key] = {**under[key], **value} if both else value
    return merged


def _refuse_interpolation(content: Mapping[str, Any]) -> None:
    for field, value in _leaves(content):
        if isinstance(value, str) and "${" in value and not (field in _PATHS and Path(value).expanduser().exists()):
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


def blaming(where: object, act: Callable[[], Any]) -> Any:
    """What `act()` gives; a user error of it begins with the file or option that caused it."""
    try:
        return act()
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
