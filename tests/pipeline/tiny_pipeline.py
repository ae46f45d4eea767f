"""The pipeline on little pictures in its own process: `python tiny_pipeline.py PICTURES ROOT [FIELD=VALUE ...]`."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

from helpers import tiny

from looc_tf.distribute import configure_threads
from pipeline.runners.local import run_locally

if __name__ == "__main__":
    pictures, root, *overrides = sys.argv[1:]
    configure_threads(1)
    print(run_locally(tiny.experiment(pictures, *overrides), pictures, Path(root)))
