"""The commands under `looc pipeline`: run it here, compile it for a cluster, show its runs, check what was pushed.

The group is read by `looc --help`, so TFX, whose import takes half a minute, is brought in only by what needs it.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path

import click

from looc_tf import experiments
from looc_tf.cli.options import import_option, starting
from looc_tf.config import Experiment
from looc_tf.errors import UserError


@click.group(name="pipeline")
def group() -> None:
    """Train, judge and push with TFX; a worse encoder stays here.

    \b
    looc pipeline run --config factors/looc --data factors --root runs/pipeline
    """


def _takes_experiment(command):
    for add in (
        import_option,
        click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field; repeatable."),
        click.option(
            "--method", metavar="NAME", help="Another method, in its own recipe, on the config's views and spaces."
        ),
        click.option("--data", metavar="D", help="Folder, TFRecord files or TFDS name, instead of the config's."),
        click.option("--config", "config_name", required=True, metavar="C", help="A YAML file or a shipped name."),
    ):
        command = add(command)
    return command


@group.command()
@_takes_experiment
@click.option("--root", required=True, metavar="R", help="Folder of artifacts and metadata; runs share it.")
@click.option("--model-name", default="looc", show_default=True, help="Under which the model is served.")
@click.option("--schema", metavar="FILE", help="Hold the pictures to this schema instead of inferring one.")
@click.option("--embed", default="test", show_default=True, metavar="SPLITS", help="Keep embeddings of these, or all.")
@click.option("--warm-start", is_flag=True, help="Begin with the weights of the latest blessed model.")
@click.option("--threads", type=click.IntRange(1), help="TensorFlow's threads. Default: all cores.")
def run(
    config_name: str,
    data: str | None,
    method: str | None,
    overrides: tuple[str, ...],
    root: str,
    model_name: str,
    schema: str | None,
    embed: str,
    warm_start: bool,
    threads: int | None,
) -> None:
    """Run the pipeline on this machine; go on where it stopped.

    A model that is not blessed is not pushed, and the command ends with exit code 3.

    \b
    looc pipeline run --config factors/looc --data factors --root runs/pipeline
    """
    with starting():
        experiment = experiments.load(config_name, overrides, method=method)
    if schema and not Path(schema).is_file():
        raise UserError(
            f"Expected a schema file. {schema} is none. Every run writes one: R/SchemaGen/schema/*/schema.pbtxt."
        )
    _import_tfx(threads)
    from pipeline.runners.local import run_locally

    outcome = run_locally(
        experiment,
        _pictures(experiment, data),
        Path(root),
        model_name=model_name,
        schema=schema or "",
        embed=embed,
        warm_start=warm_start,
    )
    for message in outcome.messages:
        click.echo(message)
    if not outcome.blessed:
        raise SystemExit(3)


def _pictures(experiment: Experiment, data: str | None) -> str:
    """Where the pictures are; their table of labels is read from there as well."""
    if experiment.data.labels not in (None, "none"):
        raise UserError(
            "The pipeline reads labels from the folder of the pictures. "
            f"Received data.labels={experiment.data.labels!r}. Put the file there as labels.csv, and leave that out."
        )
    return data or experiment.data.name


def _needs(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise UserError(
            f"The pipeline needs {package}, which is not installed here. In a clone: make setup-pipeline. "
            'Elsewhere, under Python 3.10: pip install "CLONE[pipeline]", where CLONE is the folder of one.'
        )


def _silence() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")  # of Beam, TFX and their packages, at import, about their own age


def _import_tfx(threads: int | None = None) -> None:
    _needs("tfx")
    from rich.console import Console

    _silence()
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # all steps are one process: take what each needs
    with Console(stderr=True).status("starting TFX"):
        from looc_tf.distribute import configure_threads

        configure_threads(threads)
        import tfx.components  # noqa: F401


@group.command()
@_takes_experiment
@click.option("--target", required=True, type=click.Choice(["kubeflow", "vertex"]), help="Where it is to run.")
@click.option("-o", "--out", required=True, metavar="FILE", help="pipeline.yaml (Kubeflow) or pipeline.json (Vertex).")
@click.option("--image", default="looc-tf-pipeline:latest", show_default=True, help="Image of the steps; Dockerfile.")
@click.option("--root", default="", metavar="URI", help="gs://..., where Vertex keeps artifacts.")
@click.option("--gpus", default=1, show_default=True, type=click.IntRange(0), help="Of the step Pretrain.")
@click.option("--model-name", default="looc", show_default=True, help="Default of the parameter model_name.")
@click.option("--schema", default="", metavar="URI", help="Hold the pictures to this schema, as containers see it.")
@click.option("--warm-start", is_flag=True, help="Begin with the weights of the latest blessed model.")
def compile(
    config_name: str,
    data: str | None,
    method: str | None,
    overrides: tuple[str, ...],
    target: str,
    out: str,
    image: str,
    root: str,
    gpus: int,
    model_name: str,
    schema: str,
    warm_start: bool,
) -> None:
    """Write the pipeline as a job for Kubeflow Pipelines or Vertex.

    What changes per run (data, steps, thresholds, model_name, ...) are parameters of the job.

    \b
    looc pipeline compile --target kubeflow --config factors/looc -o pipeline.yaml
    """
    with starting():
        experiment = experiments.load(config_name, overrides, method=method)
    _import_tfx()
    from pipeline.runners.kubeflow import compile_pipeline, write
    from pipeline.runners.logs import quiet

    with quiet():
        compiled = compile_pipeline(
            target,
            experiment,
            _pictures(experiment, data),
            image,
            root,
            gpus=gpus,
            model_name=model_name,
            schema=schema,
            warm_start=warm_start,
        )
    write(compiled, Path(out))
    click.echo(f"compiled: {out}")


@group.command()
@click.argument("root", metavar="R")
def status(root: str) -> None:
    """Show the runs under R: steps, blessed and pushed models.

    \b
    looc pipeline status runs/pipeline
    """
    _needs("ml_metadata")
    from rich.console import Console

    from pipeline.metadata.status import tables

    for table in tables(Path(root)):
        Console().print(table)


@group.command(name="serve-check")
@click.argument("root", metavar="R")
def serve_check(root: str) -> None:
    """Ask the latest pushed model of R, loaded as a server would.

    Its own warm-up requests are replayed in a process that imports TensorFlow alone.

    \b
    looc pipeline serve-check runs/pipeline
    """
    _needs("ml_metadata")
    _needs("tensorflow_serving")
    _silence()
    from pipeline.metadata.status import latest_pushed

    model = latest_pushed(Path(root))
    from pipeline.serving.replay import check_pushed

    for line in check_pushed(model):
        click.echo(line)
    click.echo(f"serves: {model}")
