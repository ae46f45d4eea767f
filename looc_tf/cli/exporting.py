"""Commands that take the encoder away: `looc export` and `looc embed`."""

from __future__ import annotations

import functools

import click

from looc_tf.cli.options import checkpoint_option, import_option, tensorflow, threads_option


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--out", required=True, metavar="DIR", help="Folder of the versions; the next number is written.")
@click.option("--representation", metavar="NAME", help="Answer with NAME alone, such as all+color, as 'embedding'.")
@checkpoint_option
@import_option
def export(run: str, out: str, checkpoint: str, representation: str | None) -> None:
    """Write RUN's encoder as a SavedModel, whole or not at all.

    \b
    looc export runs/looc --out exports/looc
    looc export runs/looc --out exports/color --representation color
    """
    tensorflow()
    from looc_tf.export import answers
    from looc_tf.export.serving_page import FILE as SERVING
    from looc_tf.report import export_run

    path = export_run(run, out, checkpoint, representation)
    click.echo(f"exported: {path}")
    click.echo(f"how it is served: {path.parent / SERVING}", err=True)
    if representation is not None:
        click.echo(f"it answers with {answers(path)}")


@click.command()
@click.argument("export", metavar="EXPORT")
@click.argument("images", metavar="IMAGES")
@click.option("-o", "--out", required=True, metavar="FILE", help="out.npz or out.parquet.")
@threads_option
def embed(export: str, images: str, out: str, threads: int | None) -> None:
    """Embed a folder of IMAGES with an exported encoder.

    \b
    looc embed exports/looc/1 PHOTOS -o photos.parquet
    """
    tensorflow(threads)
    from looc_tf.data import summary
    from looc_tf.data.census import many
    from looc_tf.export import embed_files

    done = embed_files(export, images, out, tell=functools.partial(click.echo, err=True))
    click.echo(f"embedded: {many(done.count, 'picture')} in {done.path}")
    if done.remark:
        click.echo(f"looc: warning: {done.remark}", err=True)
    if done.skipped:
        click.echo(summary(done.skipped, show=20), err=True)
