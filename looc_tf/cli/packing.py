"""The command that writes pictures as record files: `looc pack`."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

import click

from looc_tf import experiments
from looc_tf.cli.options import labels_option, tensorflow, threads_option
from looc_tf.errors import UserError


@click.command()
@click.argument("data", metavar="DATA")
@click.option("-o", "--out", required=True, metavar="SHARDS", help="The folder to write; a new one.")
@click.option("--size", default="original", show_default=True, metavar="PIXELS", help="Of squares, or original.")
@click.option("--format", type=click.Choice(["png", "jpeg"]), default="png", show_default=True, help="Of squares.")
@click.option("--quality", default=95, show_default=True, type=click.IntRange(1, 100), help="Of JPEG.")
@labels_option
@click.option("--set", "overrides", multiple=True, metavar="data.FIELD=VALUE", help="How DATA is read; repeatable.")
@threads_option
def pack(
    data: str,
    out: str,
    size: str,
    format: str,
    quality: int,
    labels: str | None,
    overrides: tuple[str, ...],
    threads: int | None,
) -> None:
    """Write DATA as record files that open at once.

    DATA is a folder, record files, a TFDS name or factors. --size 64 writes the squares that a training with
    data.size=64 holds; by default files are kept as they came, whatever data.size will be.

    \b
    looc pack PHOTOS -o shards/
    looc pack PHOTOS -o shards-64/ --size 64
    """
    side = _side(size)
    strange = [text for text in overrides if not text.startswith("data.") or text.startswith("data.size")]
    if strange:
        raise UserError(f"Expected --set data.FIELD=VALUE with another field than size. Received {strange[0]!r}.")
    tensorflow(threads)
    from looc_tf.data import read_table, summary, table_reading
    from looc_tf.data.census import many
    from looc_tf.data.packing import Shape, pack

    read = experiments.load("factors/looc", overrides, data=data, labels=labels).data
    table = read_table(read.name, **table_reading(read))
    how = {"bands": read.bands, "given": read.range, "limit": read.limit}
    with _ending_on_sigterm():
        done = pack(read.name, table, out, Shape(side, format, quality), **how)
    for line in done.census.lines:
        click.echo(line, err=True)
    if done.skipped:
        click.echo(summary(done.skipped), err=True)
    parts = ", ".join(f"{count:,} {part}" for part, count in done.parts.items())
    click.echo(f"packed: {many(sum(done.parts.values()), 'picture')} ({parts}), {done.bytes / 1e6:,.1f} MB in {out}")


@contextlib.contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Lets SIGTERM end the process as an error does: what was begun is removed."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _side(size: str) -> int | None:
    if size.lower() in ("original", "none"):
        return None
    if not size.isdecimal() or not 1 <= int(size) <= 8192:
        raise UserError(f"Expected --size as pixels, such as 64, or original. Received {size!r}.")
    return int(size)
