"""Commands that look: `looc evaluate`, `compare`, `views` and `configs`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from looc_tf import config, experiments
from looc_tf.cli.options import (
    checkpoint_option,
    import_option,
    labels_option,
    of_run_option,
    starting,
    takes_experiment,
    tensorflow,
    threads_option,
)
from looc_tf.errors import UserError


@click.command()
@click.argument("run", metavar="RUN")
@of_run_option
@labels_option
@checkpoint_option
@click.option("--probe", "more", multiple=True, metavar="NAME", help="Also read NAME, such as few_shot; repeatable.")
@click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change evaluation.FIELD; repeatable.")
@import_option
@threads_option
def evaluate(
    run: str,
    data: str | None,
    labels: str | None,
    checkpoint: str,
    more: tuple[str, ...],
    overrides: tuple[str, ...],
    threads: int | None,
) -> None:
    """Measure what each representation of RUN has kept.

    \b
    looc evaluate runs/looc
    looc evaluate runs/looc --probe few_shot --set evaluation.shots=[1,5]
    """
    tensorflow(threads)
    from rich.console import Console

    from looc_tf.report import evaluate_run
    from looc_tf.results.tables import screen

    tell = functools.partial(click.echo, err=True)
    done = evaluate_run(run, data=data, checkpoint=checkpoint, labels=labels, tell=tell, more=more, overrides=overrides)
    Console().print(screen(done.records, done.chance, tested=done.tested))
    for note in done.notes:
        click.echo(note)
    click.echo(f"evaluated: {done.path}")


@click.command()
@click.argument("run", metavar="RUN")
@of_run_option
@labels_option
@click.option("--label", "field", default="label", show_default=True, metavar="FIELD", help="Where there are several.")
@click.option("--out", metavar="DIR", help="The folder to write. Default: RUN/advice, RUN/advice-on-DATA, ...")
@checkpoint_option
@import_option
@threads_option
def advise(run: str, threads: int | None, **asked: Any) -> None:
    """Say which representation of RUN your task should take.

    \b
    looc advise runs/looc --data LABELLED
    """
    tensorflow(threads)
    from looc_tf.report import advise_run

    done = advise_run(run, **asked, tell=functools.partial(click.echo, err=True))
    for line in done.says:
        click.echo(line)
    click.echo(f"written: {done.path / 'advice.html'}, {done.path / 'advice.json'}")
    if done.command:
        click.echo(f"to ship it: {done.command}")


@click.command()
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

    from looc_tf.results import apart, comparison, tables

    records = comparison(runs, minus)
    if markdown:
        click.echo(tables.markdown(records))
    else:
        Console().print(tables.screen(records))
    for line in apart(runs):
        click.echo(line, err=True)
    if out:
        from looc_tf.results.figure import matrix_figure

        matrix_figure(records, out)
        click.echo(f"drawn: {out}", err=True)


@click.command()
@takes_experiment
@click.argument("image", metavar="IMAGE")
@click.option("-o", "--out", required=True, metavar="FILE", help="The picture to write, such as views.png.")
@click.option("--rows", default=4, show_default=True, type=click.IntRange(1, 64), help="How many times to draw.")
def views(experiment: config.Experiment, image: str, out: str, rows: int) -> None:
    """Draw the views of IMAGE, shared draws marked.

    \b
    looc views factors/looc cat.jpg -o views.png
    """
    tensorflow()
    from looc_tf.data.ingest import decode_one
    from looc_tf.methods import build_plan, seen_of
    from looc_tf.report.pictures import check_one, rule_for
    from looc_tf.report.views_grid import draw_views
    from looc_tf.views.leave_one_out import named_but_not_shared

    check_one(Path(image))
    plan = build_plan(experiment)
    config_name = Path(click.get_current_context().params["config_name"])
    try:
        data = Path(image).read_bytes()
        rule, line = rule_for(experiment, Path(image), data, config_name.parent)
        picture = decode_one(data, experiment.data.size, rule)
    except ValueError as error:
        raise UserError(f"{image} cannot be drawn: {error}. Give a picture, such as a JPEG or PNG.") from error
    for remark in filter(None, [line, *named_but_not_shared(plan)]):
        click.echo(remark, err=True)
    draw_views(plan, picture, out, seed=experiment.seed, rows=rows, seen=seen_of(experiment))
    click.echo(f"drawn: {out}")


@click.command()
@click.argument("config_name", metavar="[CONFIG]", required=False)
@import_option
def configs(config_name: str | None) -> None:
    """List the configs that come with looc, or print CONFIG whole.

    \b
    looc configs
    looc configs factors/looc > mine.yaml
    """
    if config_name:
        with starting():
            experiment = experiments.load(config_name)
        click.echo(config.to_yaml(experiment), nl=False)
        return
    names = config.names()
    for name in names:
        click.echo(f"{name:{max(map(len, names)) + 2}}{config.about(name)}")
