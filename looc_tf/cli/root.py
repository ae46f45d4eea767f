"""The group `looc`: which commands there are, and how a user's mistake ends."""

from __future__ import annotations

from typing import Any

import click

from looc_tf import __version__, plugins
from looc_tf.errors import UserError, cause, out_of_memory, printable

_FULL = ("ResourceExhaustedError", "PermissionDeniedError")  # what TensorFlow raises for a full disk or a locked folder


class Problem(click.ClickException):
    """A mistake outside the code: one line, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"looc: error: {printable(self.format_message(), 4000)}", err=True)


class Commands(click.Group):
    """Commands in the order in which one uses them; users' mistakes end in one line instead of a traceback."""

    def list_commands(self, context: click.Context) -> list[str]:
        return [*self.commands, *plugins.COMMANDS]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return plugins.find(name) if name in plugins.COMMANDS else super().get_command(context, name)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt as error:
            if not error.args:  # a training has said what it saved, and where it stopped
                click.echo("looc: interrupted", err=True)
            context.exit(130)
        except BrokenPipeError:  # `looc configs | head`; click ends quietly
            raise
        except UserError as error:
            raise Problem(str(error)) from error
        except Exception as error:
            problem = _problem(error)
            if problem is None:
                raise
            raise problem from error


def _problem(error: Exception) -> Exception | None:
    """How an error is told that is no fault of the code, or that hides its cause; None for any other."""
    place = out_of_memory(error)
    if place is not None:
        return Problem(f"Out of memory{place}. Close other programs, or use a machine with more memory.")
    if isinstance(error, OSError):
        return Problem(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    if type(error).__name__ in _FULL:
        return Problem(cause(error))
    if type(error).__module__.startswith("tensorflow."):  # its first line is the same for all
        return RuntimeError(f"{type(error).__name__}: {printable(cause(error))}")
    return None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="looc")
def cli() -> None:
    """Leave-one-out contrastive learning: embeddings that keep color, rotation or texture where you say so.

    \b
    See it work on generated pictures:    looc demo --out runs/demo
    Train on a folder of your own:        looc train factors/looc --data PHOTOS --out runs/photos
    Read what each space has kept:        looc evaluate runs/photos
    Take the encoder away:                looc export runs/photos --out exports/photos
    """
