"""From a run without labels to a classifier, with all labels and with few: does pre-training help? Some minutes.

python examples/finetune_and_low_label.py --out runs/few                      # the generated set
python examples/finetune_and_low_label.py --out runs/few --pictures PHOTOS    # your own, with class folders
"""

import argparse
from pathlib import Path

import looc_tf
from looc_tf.report import measure_finetuned

parser = argparse.ArgumentParser()
parser.add_argument("--pictures", default="factors")
parser.add_argument("--out", default="runs/few")
parser.add_argument("--steps", type=int, default=100)
parser.add_argument("--fractions", type=float, nargs="+", default=[0.1, 1.0])
options = parser.parse_args()
out = Path(options.out)

# 1. A run that has seen no label, and one that has seen nothing: of no steps, its weights are random.
changes = [f"data.name={options.pictures}", "data.size=32", "data.limit=600", "training.batch=32"]
changes += ["method.key_groups=4", "optimizer.learning_rate=0.03"]
runs = {}
for name, steps in (("looc", options.steps), ("random", 0)):
    experiment = looc_tf.load_config("factors/looc", [*changes, f"training.steps={steps}", f"name={name}"])
    runs[name] = looc_tf.train(experiment, out / name)

# 2. Each is taught the labels: all of them, and a share that every class takes part in.
#    The command: looc finetune RUN --fraction 0.1 --out OUT
for fraction in options.fractions:
    for name, run in runs.items():
        few = [f"training.steps={options.steps}", "training.batch=32"]
        tuned = looc_tf.finetune(run, out / f"{name}-{fraction:g}", fraction=fraction, overrides=few)
        print(f"{fraction:4.0%} of the labels, from {name}: {measure_finetuned(tuned).says}")

# 3. A frozen trunk with a classifier on it is the linear probe: finetune(..., linear=True).
