"""`looc pipeline`: run it here, compile it for Kubeflow or Vertex, look at a root.

The group is read by `looc --help`, so TFX, whose import takes half a minute, is brought in only by what needs it.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path

import click

from looc_tf import config
from looc_tf.errors import UserError


@click.group(name="pipeline")
def group() -> None:
    """Train, judge and push with TFX; a worse encoder stays here.

    \b
    looc pipeline run --config factors/looc --data factors --root runs/pipeline
    """


def _takes_experiment(command):
    for add in (
        click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Change a field; repeatable."),
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
    experiment = config.load(config_name, overrides)
    if schema and not Path(schema).is_file():
        raise UserError(
            f"Expected a schema file. {schema} is none. Every run writes one: R/SchemaGen/schema/*/schema.pbtxt."
        )
    _import_tfx(threads)
    from pipeline.local import run_locally

    done = run_locally(
        experiment, data or experiment.data.name, Path(root), model_name, schema or "", embed, warm_start
    )
    for line in done.lines:
        click.echo(line)
    if not done.blessed:
        raise SystemExit(3)


def _import_tfx(threads: int | None = None) -> None:
    if importlib.util.find_spec("tfx") is None:
        raise UserError(
            "The pipeline needs TFX, which is not installed here. In a clone: make pipeline-setup. "
            'Elsewhere: pip install "looc_tf[pipeline]" under Python 3.10 or 3.9.'
        )
    from rich.console import Console

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")  # of Beam, TFX and their packages, at import, about their own age
    with Console(stderr=True).status("starting TFX"):
        from looc_tf.distribute import configure_threads

        configure_threads(threads)
        import tfx.components  # noqa: F401
