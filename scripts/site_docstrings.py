"""What the reader of docstrings is told: which names are public, and that lines with a prompt are examples."""

import ast
import re
import textwrap

import griffe

EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)
BARE = re.compile(r"^>>> .*(?:\n.*\S.*)*", re.MULTILINE)  # up to a blank line


class Docstrings(griffe.Extension):
    """Gives the package the names that it imports at their first use, and examples a heading of their own."""

    def on_package(self, *, pkg, **_):
        for name, (module, attribute) in public(pkg.filepath.read_text(encoding="utf8")).items():
            # griffe takes a module for what is imported from it under its own name.
            inside = f".{attribute}" if (pkg.filepath.parent / module / f"{attribute}.py").exists() else ""
            pkg.set_member(name, griffe.Alias(name, f"{pkg.path}.{module}.{attribute}{inside}", parent=pkg))
            room = pkg.members[module]
            if room.docstring and "Names: " not in room.docstring.value:
                names = ", ".join(f"`{each}`" for each in sorted(names_of(room), key=str.lower))
                room.docstring.value = f"{room.docstring.value}\n\nNames: {names}"

    def on_object(self, *, obj, **_):
        if obj.docstring:
            obj.docstring.value = with_examples(obj.docstring.value)


def names_of(room):
    """What a module hands out: what it lists or, where it lists nothing, what it defines."""
    own = [each for each in room.members.values() if not each.is_alias and (each.is_function or each.is_class)]
    return [str(name) for name in room.exports or [each.name for each in own if not each.name.startswith("_")]]


def public(text):
    """`_PUBLIC` of the package's file: name -> (module, name there)."""
    (table,) = (
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_PUBLIC"
    )
    return ast.literal_eval(table)


def with_examples(text):
    """A docstring whose examples stand in sections that griffe knows, whether they have a heading or not."""
    return BARE.sub(
        lambda match: "Examples:\n" + textwrap.indent(match.group(), "    "), EXAMPLE.sub("Examples:", text)
    )
