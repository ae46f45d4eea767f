"""The command that makes the tables of a paper: `looc reproduce`."""

from __future__ import annotations

import functools

import click

from looc_tf.cli.options import import_option, starting


@click.command()
@click.argument("studies", metavar="STUDY...", nargs=-1, required=True)
@click.option("--data", metavar="PATH", help="Folder, TFRecord files or TFDS name. Default: the generated set.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 100), help="How many, 0 and up.")
@click.option("--preset", default="miniature", show_default=True, type=click.Choice(["miniature", "paper"]))
@click.option("--base", metavar="CONFIG", help="The config that the rows vary, instead of the preset's.")
@click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field of it; repeatable.")
@click.option("--jobs", type=click.IntRange(1), help="Trainings side by side. Default: one a core; one with a GPU.")
@click.option("--any-code", is_flag=True, help="Take runs that other versions of the code trained.")
@click.option("--plan", is_flag=True, help="Say what would be trained and read and what it costs, and do nothing.")
@click.option("--out", default="runs/reproduce", show_default=True, metavar="DIR", help="Runs and tables; goes on.")
@import_option
def reproduce(studies: tuple[str, ...], out: str, **asked) -> None:
    """Make the paper's tables on your pictures.

    STUDY is table1 to table5, figure3, figure4, ablations, plusplus, texture, a YAML file, or all.

    \b
    looc reproduce table1 --data PHOTOS --seeds 3 --out runs/reproduce
    """
    with starting():
        from looc_tf.studies import reproduce

    for done in reproduce(studies, out, **asked, tell=functools.partial(click.echo, err=True)):
        click.echo(done.files[0].read_text(encoding="utf-8"))
        click.echo(f"written: {', '.join(map(str, done.files))}", err=True)
