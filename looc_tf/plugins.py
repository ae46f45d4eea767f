"""Commands of `looc` that other packages bring, found by name when somebody asks for them.

They are named in a table and not by entry points: a table answers in a clone and in an old editable install as well,
and reads no metadata of the hundreds of packages beside it. The library works without these packages.
"""

from __future__ import annotations

import importlib
from typing import Any, NoReturn

import click

from looc_tf.errors import UserError

COMMANDS = {"pipeline": "pipeline.commands:group"}  # command -> module:attribute


def find(name: str) -> click.Command:
    """The command of `COMMANDS`; where its package is missing, one that says so whatever it is asked."""
    module, _, attribute = COMMANDS[name].partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):  # the package is there, and what it needs is not
            raise
        found = None
    return found if isinstance(found, click.Command) else _missing(name, module)


def _missing(name: str, module: str) -> click.Command:
    def refuse(**_: Any) -> NoReturn:
        raise UserError(
            f"`looc {name}` is the module {module}, which comes with looc_tf. There is none here, or another package "
            f'named {module.partition(".")[0]!r} stands before it. Install looc_tf anew: pip install "CLONE[{name}]".'
        )

    anything = click.Argument(["anything"], nargs=-1, type=click.UNPROCESSED)
    settings = {"ignore_unknown_options": True}
    about = f"(not installed: {module} was not found)"
    return click.Command(name, settings, refuse, [anything], help=about, add_help_option=False)
