"""Commands that train: `looc train`, `looc finetune` and `looc demo`; and `looc profile`, which says what it takes."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

import click

from looc_tf import config
from looc_tf.cli.options import (
    data_option,
    import_option,
    labels_option,
    of_run_option,
    takes_experiment,
    tensorflow,
    threads_option,
)
from looc_tf.files import typed, write_atomically, writing
from looc_tf.registry import retyped


@click.command()
@takes_experiment
@data_option
@labels_option
@click.option("--out", required=True, metavar="RUN", help="The run folder to write; a new one, unless --resume.")
@click.option("--resume", is_flag=True, help="Go on from RUN's last checkpoint.")
@click.option("--warm", metavar="OLD", help="Begin with the weights of the run OLD; the rest begins anew.")
@click.option("--devices", type=click.IntRange(1), help="How many GPUs, or parts of the CPU. Default: all GPUs.")
@threads_option
def train(
    experiment: config.Experiment,
    out: str,
    resume: bool,
    warm: str | None,
    devices: int | None,
    threads: int | None,
) -> None:
    """Train CONFIG: a YAML file or a name from `looc configs`.

    \b
    looc train cifar10/looc-rotation --data CIFAR10 --out runs/looc --set training.steps=500
    """
    tensorflow(threads, devices)
    from looc_tf.run import export_command
    from looc_tf.training import train

    run = train(experiment, out, resume=resume, warm=warm)
    click.echo(f"trained: {run}. Next: looc evaluate {typed(run)}{retyped()}, {export_command(run)}")


@click.command()
@takes_experiment
@data_option
@labels_option
@click.option("--json", "file", metavar="FILE", help="Also write the numbers there.")
@threads_option
def profile(experiment: config.Experiment, file: str | None, threads: int | None) -> None:
    """Time the parts of a step of CONFIG.

    Says what limits it, and how long the training would take. It takes some steps on one device and keeps nothing.

    \b
    looc profile factors/looc --set training.precision=mixed_bfloat16
    """
    tensorflow(threads)
    from rich.console import Console

    from looc_tf.report.profiled import screen
    from looc_tf.training.profile import profile

    found = profile(experiment)
    if file:
        with writing(file):
            write_atomically(file, json.dumps(dataclasses.asdict(found), indent=2) + "\n")
    Console(highlight=False).print(screen(found), soft_wrap=True)


@click.command()
@click.argument("run", metavar="RUN")
@of_run_option
@labels_option
@click.option("--fraction", default=1.0, show_default=True, help="Of the labels of each class; 0.1 is a tenth.")
@click.option("--linear", is_flag=True, help="Freeze the trunk: train the classifier alone.")
@click.option("--seed", type=click.IntRange(0), help="Instead of RUN's; it also chooses the pictures of the fraction.")
@click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field; repeatable.")
@click.option("--out", required=True, metavar="OUT", help="The run folder to write; a new one, unless --resume.")
@click.option("--resume", is_flag=True, help="Go on from OUT's last checkpoint.")
@click.option("--devices", type=click.IntRange(1), help="How many GPUs, or parts of the CPU. Default: all GPUs.")
@import_option
@threads_option
def finetune(run: str, out: str, devices: int | None, threads: int | None, **settings: Any) -> None:
    """Teach RUN's trunk and a new classifier labels.

    It ends with the weights of the best accuracy on the validation part, and measures them on the test part.

    \b
    looc finetune runs/looc --data LABELLED --fraction 0.1 --out runs/looc-10
    """
    tensorflow(threads, devices)
    from looc_tf.report import measure_finetuned
    from looc_tf.run import export_command
    from looc_tf.training import finetune

    tuned = finetune(run, out, **settings)
    click.echo(f"fine-tuned: {tuned} on {measure_finetuned(tuned).says}. Next: {export_command(tuned)}")


@click.command()
@click.option("--out", default="runs/demo", show_default=True, metavar="DIR", help="A new folder, or a demo to finish.")
@click.option("--quick", is_flag=True, help="An eighth of the steps, for a look; the numbers will be worse.")
@click.option("--data", metavar="DIR", help="Your own pictures instead of the generated ones.")
@labels_option
@click.option(
    "--method",
    default="looc",
    show_default=True,
    metavar="NAME",
    help="Leave-one-out over NAME, and NAME alone: byol, simsiam, swav, dino, simclr, ...",
)
@click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field of both; repeatable.")
@import_option
@threads_option
def demo(out: str, threads: int | None, **asked: Any) -> None:
    """Train LooC and MoCo side by side; write a report.

    With --method leave-one-out over another method and that method alone. Both encode as many views.

    \b
    looc demo --out runs/demo
    """
    tensorflow(threads)
    from rich.console import Console

    from looc_tf.report.demo import demo, summary

    done = demo(out, **asked, tell=functools.partial(click.echo, err=True))
    Console(highlight=False).print(summary(done), soft_wrap=True)
