"""The command line: `looc train`, `finetune`, `evaluate`, `compare`, `export`, `embed`, ..., and `pipeline`.

Each command parses, calls one function of the library and prints what came of it. TensorFlow is imported only by the
commands that compute, so that `looc --help` answers at once.
"""

from __future__ import annotations

from looc_tf.cli.exporting import embed, export
from looc_tf.cli.packing import pack
from looc_tf.cli.reading import advise, compare, configs, evaluate, views
from looc_tf.cli.root import cli
from looc_tf.cli.studying import reproduce
from looc_tf.cli.training import demo, finetune, profile, train

__all__ = ["cli", "main"]

for command in (
    profile,
    train,
    finetune,
    evaluate,
    advise,
    compare,
    export,
    embed,
    pack,
    views,
    demo,
    reproduce,
    configs,
):  # in the order in which one uses them
    cli.add_command(command)


def main() -> None:
    """The console script `looc`."""
    cli(prog_name="looc")
