"""A run on disk: its folder, its log, its state, and how it is read back.

>>> from pathlib import Path
>>> from looc_tf import run
>>> run.resume_command(Path("runs/mine"))
'looc train runs/mine/config.yaml --out runs/mine --resume'
"""

from looc_tf.run.about import read_about
from looc_tf.run.folder import RunFolder, as_begun, export_command, resume_command
from looc_tf.run.trained import Run, compiled, experiment_of, load_run

__all__ = [
    "Run",
    "RunFolder",
    "as_begun",
    "compiled",
    "experiment_of",
    "export_command",
    "load_run",
    "read_about",
    "resume_command",
]
