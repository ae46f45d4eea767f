"""What several commands share: the options, CONFIG with its overrides, and the start of TensorFlow."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from click.core import ParameterSource

from looc_tf import experiments
from looc_tf.errors import UserError
from looc_tf.progress import without_lines
from looc_tf.registry import remember, run_file

REMARKS = (  # of later TensorFlows, which no log level turns off
    b"absl::InitializeLog()",
    b"oneDNN custom operations are on.",
    b"Could not find cuda drivers on your machine",
)


def tensorflow(threads: int | None = None, devices: int | None = None) -> None:
    """Imports TensorFlow, which takes seconds, under a line that says so.

    Its C++ log is off unless asked for: on a machine without a GPU it complains at level 2 about CUDA factories, and
    what goes wrong in an operation arrives as an exception anyway.
    """
    with starting():
        from looc_tf.distribute import configure_devices, configure_threads

    try:
        configure_threads(threads)
        configure_devices(devices)
    except RuntimeError as error:  # TensorFlow has begun
        raise UserError(
            "--threads and --devices are chosen before TensorFlow's first operation, which a file of --import, or the "
            "constructor of a part of yours, has run. Make tensors in `sample` and `apply` alone."
        ) from error


@contextmanager
def starting() -> Iterator[None]:
    """A line on a terminal while TensorFlow is imported; its own remarks about this machine are turned off."""
    from rich.console import Console

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google.api_core")  # about Python's own age
    with without_lines(REMARKS) as screen:
        console = Console(file=screen if sys.stderr is sys.__stderr__ else None, stderr=True)
        with console.status("starting TensorFlow"):
            yield


def _run_files(context: click.Context, option: click.Parameter, files: tuple[str, ...]) -> None:
    files = tuple(file for file in files if file)  # of LOOC_IMPORT="a.py:"
    from_environment = context.get_parameter_source(str(option.name)) is ParameterSource.ENVIRONMENT
    remember(() if from_environment else files)  # the environment goes on to say so
    if not files or context.resilient_parsing:
        return
    with starting():
        for file in files:
            run_file(file)
    # For the processes that a command starts, such as the trainings of `looc reproduce`.
    os.environ["LOOC_IMPORT"] = os.pathsep.join(os.path.abspath(os.path.expanduser(file)) for file in files)


import_option = click.option(  # what is run is not recorded as a thing to run: a run may come from somebody else
    "--import",
    metavar="FILE",
    multiple=True,
    type=click.Path(),
    envvar="LOOC_IMPORT",
    expose_value=False,
    callback=_run_files,
    help="Run this Python file of yours first: it registers parts of your own. Repeatable.",
)
method_option = click.option(
    "--method",
    metavar="NAME",
    help="Another method, in its own recipe, on CONFIG's pictures, views, spaces, backbone and steps; --set comes "
    "after it. A run's config.yaml holds all of it: commands that read a run need no option.",
)


def takes_experiment(command: Callable[..., None]) -> Callable[..., None]:
    """Adds CONFIG and the options that change it; the command receives the `Experiment` they make."""

    @functools.wraps(command)
    def read(
        config_name: str,
        overrides: tuple[str, ...],
        seed: int | None,
        data: str | None = None,
        labels: str | None = None,
        method: str | None = None,
        **rest: Any,
    ) -> None:
        seeds = () if seed is None else (f"seed={seed}",)
        with starting():
            experiment = experiments.load(config_name, (*overrides, *seeds), data=data, labels=labels, method=method)
        command(experiment=experiment, **rest)

    for add in (
        import_option,
        click.option("--seed", type=click.IntRange(0), help="Instead of the config's seed."),
        method_option,
        click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field; repeatable."),
        click.argument("config_name", metavar="CONFIG"),
    ):
        read = add(read)
    return read


data_option = click.option(
    "--data", metavar="PATH", help="Folder, TFRecord files or TFDS name, instead of the config's."
)
of_run_option = click.option(
    "--data", metavar="PATH", help="Folder, TFRecord files or TFDS name, instead of the run's own pictures."
)
labels_option = click.option("--labels", metavar="FILE", help="CSV file with the label of each picture of a folder.")
checkpoint_option = click.option(
    "--checkpoint",
    default="last",
    show_default=True,
    metavar="WHICH",
    help="last, best (on held-out pictures while training) or a step.",
)
threads_option = click.option("--threads", type=click.IntRange(1), help="TensorFlow's threads. Default: all cores.")
