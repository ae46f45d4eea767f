"""The command line: `looc train`, `evaluate`, `export`, `embed`, `views`, `demo`, `configs`, and `pipeline`.

Each command parses, calls one function of the library and prints what came of it. TensorFlow is imported only by the
commands that compute, so that `looc --help` answers at once.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from looc_tf import __version__, config, experiments, plugins
from looc_tf.errors import UserError, printable

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
        except KeyboardInterrupt:
            click.echo("looc: interrupted", err=True)
            context.exit(130)
        except BrokenPipeError:  # `looc configs | head`; click ends quietly
            raise
        except UserError as error:
            raise Problem(str(error)) from error
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            raise Problem(f"{error.strerror or error}{place}") from error
        except Exception as error:
            if type(error).__name__ in _FULL:
                raise Problem(str(error).partition("\n")[0]) from error
            raise


def _tensorflow(threads: int | None = None, devices: int | None = None) -> None:
    """Imports TensorFlow, which takes seconds, under a line that says so.

    Its C++ log is off unless asked for: on a machine without a GPU it complains at level 2 about CUDA factories, and
    what goes wrong in an operation arrives as an exception anyway.
    """
    with _starting():
        from looc_tf.distribute import configure_devices, configure_threads

    configure_threads(threads)
    configure_devices(devices)


def _starting() -> AbstractContextManager:
    """A line on a terminal while TensorFlow is imported; its own remarks about this machine are turned off."""
    from rich.console import Console

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google.api_core")  # about Python's own age
    return Console(stderr=True).status("starting TensorFlow")


def _takes_experiment(command: Callable[..., None]) -> Callable[..., None]:
    """Adds CONFIG and the options that change it; the command receives the `Experiment` they make."""

    @functools.wraps(command)
    def read(
        config_name: str, overrides: tuple[str, ...], seed: int | None, data: str | None = None, **rest: Any
    ) -> None:
        seeds = () if seed is None else (f"seed={seed}",)
        with _starting():
            experiment = experiments.load(config_name, (*overrides, *seeds), data=data)
        command(experiment=experiment, **rest)

    for add in (
        click.option("--seed", type=click.IntRange(0), help="Instead of the config's seed."),
        click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field; repeatable."),
        click.argument("config_name", metavar="CONFIG"),
    ):
        read = add(read)
    return read


_data = click.option("--data", metavar="PATH", help="Folder, TFRecord files or TFDS name, instead of the config's.")
_checkpoint = click.option(
    "--checkpoint",
    default="last",
    show_default=True,
    metavar="WHICH",
    help="last, best (by kNN while training) or a step.",
)
_threads = click.option("--threads", type=click.IntRange(1), help="TensorFlow's threads. Default: all cores.")


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


@cli.command()
@_takes_experiment
@_data
@click.option("--out", required=True, metavar="RUN", help="The run folder to write; a new one, unless --resume.")
@click.option("--resume", is_flag=True, help="Go on from RUN's last checkpoint.")
@click.option("--devices", type=click.IntRange(1), help="How many GPUs, or parts of the CPU. Default: all GPUs.")
@_threads
def train(
    experiment: config.Experiment,
    out: str,
    resume: bool,
    devices: int | None,
    threads: int | None,
) -> None:
    """Train CONFIG: a YAML file or a name from `looc configs`.

    \b
    looc train cifar10/looc-rotation --data CIFAR10 --out runs/looc --set training.steps=500
    """
    _tensorflow(threads, devices)
    from looc_tf.training import train

    run = train(experiment, out, resume=resume)
    click.echo(f"trained: {run}. Next: looc evaluate {run}, looc export {run} --out exports")


@cli.command()
@click.argument("run", metavar="RUN")
@_data
@_checkpoint
@_threads
def evaluate(run: str, data: str | None, checkpoint: str, threads: int | None) -> None:
    """Measure what each representation of RUN has kept.

    \b
    looc evaluate runs/looc
    """
    _tensorflow(threads)
    from rich.console import Console

    from looc_tf.report import evaluate_run
    from looc_tf.results.tables import screen

    done = evaluate_run(run, data=data, checkpoint=checkpoint)
    Console().print(screen(done.records, done.chance))
    click.echo(f"evaluated: {done.path}")


@cli.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--minus", metavar="METHOD", help="Show differences to the trunk of METHOD, or to METHOD/SPACE.")
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
@click.option("-o", "--out", metavar="FILE", help="Also draw the table, as .png, .svg or .pdf.")
def compare(runs: tuple[str, ...], minus: str | None, markdown: bool, out: str | None) -> None:
    """Means and 95 % intervals over seeds, for each data set.

    \b
    looc compare runs/cifar10-* --minus moco-color-rotation -o differences.png
    """
    from rich.console import Console

    from looc_tf.results import comparison, tables

    records = comparison(runs, minus)
    if markdown:
        click.echo(tables.markdown(records))
    else:
        Console().print(tables.screen(records))
    if out:
        from looc_tf.results.figure import matrix_figure

        matrix_figure(records, out)
        click.echo(f"drawn: {out}", err=True)


@cli.command()
@click.argument("run", metavar="RUN")
@click.option("--out", required=True, metavar="DIR", help="Folder of the versions; the next number is written.")
@_checkpoint
def export(run: str, out: str, checkpoint: str) -> None:
    """Write RUN's encoder as a SavedModel, whole or not at all.

    \b
    looc export runs/looc --out exports/looc
    """
    _tensorflow()
    from looc_tf.report import export_run

    click.echo(f"exported: {export_run(run, out, checkpoint)}")


@cli.command()
@click.argument("export", metavar="EXPORT")
@click.argument("images", metavar="IMAGES")
@click.option("-o", "--out", required=True, metavar="FILE", help="out.npz or out.parquet.")
@_threads
def embed(export: str, images: str, out: str, threads: int | None) -> None:
    """Embed a folder of IMAGES with an exported encoder.

    \b
    looc embed exports/looc/1 PHOTOS -o photos.parquet
    """
    _tensorflow(threads)
    from looc_tf.data import summary
    from looc_tf.export import embed_files

    done = embed_files(export, images, out)
    click.echo(f"embedded: {done.count:,} pictures in {done.path}")
    if done.skipped:
        click.echo(summary(done.skipped, show=20), err=True)


@cli.command()
@_takes_experiment
@click.argument("image", metavar="IMAGE")
@click.option("-o", "--out", required=True, metavar="FILE", help="The picture to write, such as views.png.")
@click.option("--rows", default=4, show_default=True, type=click.IntRange(1, 64), help="How many times to draw.")
def views(experiment: config.Experiment, image: str, out: str, rows: int) -> None:
    """Draw the views of IMAGE, shared draws marked.

    \b
    looc views factors/looc cat.jpg -o views.png
    """
    _tensorflow()
    from looc_tf.data.ingest import decode_one
    from looc_tf.methods import build_plan
    from looc_tf.report.views_grid import draw_views

    try:
        picture = decode_one(Path(image).read_bytes(), experiment.data.size)
    except ValueError as error:
        raise UserError(f"{image} cannot be drawn: {error}. Give a picture, such as a JPEG or PNG.") from error
    draw_views(build_plan(experiment), picture, out, seed=experiment.seed, rows=rows)
    click.echo(f"drawn: {out}")


@cli.command()
@click.option("--out", default="runs/demo", show_default=True, metavar="DIR", help="A new folder, or a demo to finish.")
@click.option("--quick", is_flag=True, help="A look in two minutes; the numbers will be worse.")
@click.option("--data", metavar="DIR", help="Your own pictures instead of the generated ones.")
@_threads
def demo(out: str, quick: bool, data: str | None, threads: int | None) -> None:
    """Train LooC and MoCo side by side; write a report.

    \b
    looc demo --out runs/demo
    """
    _tensorflow(threads)
    from rich.console import Console

    from looc_tf.report.demo import demo, summary

    done = demo(out, quick=quick, data=data, tell=functools.partial(click.echo, err=True))
    Console(highlight=False).print(summary(done), soft_wrap=True)


@cli.command()
def configs() -> None:
    """List the configs that come with looc.

    \b
    looc configs
    """
    names = config.names()
    for name in names:
        click.echo(f"{name:{max(map(len, names)) + 2}}{config.about(name)}")


def main() -> None:
    """The console script `looc`."""
    cli(prog_name="looc")
