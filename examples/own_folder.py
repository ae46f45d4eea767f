"""A folder of your own pictures: train a run, measure it, export it, embed with the export. A minute or two.

python examples/own_folder.py --out runs/folder                     # generated pictures
python examples/own_folder.py --out runs/folder --pictures PHOTOS   # your own; class folders are labels
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import looc_tf
from looc_tf.export import embed_files
from looc_tf.report import evaluate_run, export_run

parser = argparse.ArgumentParser()
parser.add_argument("--pictures", help="a folder")
parser.add_argument("--out", default="runs/folder")
parser.add_argument("--steps", type=int, default=100)
options = parser.parse_args()
out = Path(options.out)

# 1. A folder. Without one of yours, some generated pictures are written as PNG files, a folder for each class.
folder = Path(options.pictures or out / "pictures")
if not options.pictures:
    source = looc_tf.open_source("factors", "train", size=32, limit=300)
    for row, element in enumerate(source.dataset()):
        path = folder / source.fields["label"][int(element["label"])] / f"{row:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(element["image"].numpy()).save(path)

# 2. A config, with the fields changed that should be others: as `--set` does on the command line.
changes = [f"data.name={folder}", "data.size=32", f"training.steps={options.steps}", "training.batch=32"]
changes += ["method.key_groups=4", "optimizer.learning_rate=0.03", "evaluation.strengths=[1.0]"]
experiment = looc_tf.load_config("factors/looc", changes)

# 3. A training writes a run folder: config, checkpoints, history, log. The command: looc train CONFIG --out RUN
run = looc_tf.train(experiment, out / "run")

# 4. What does each representation still know? The command: looc evaluate RUN
for record in evaluate_run(run).records:
    print(f"{record['representation']:10} {record['probe']:10} {record['value']:5.1f} %")

# 5. The encoder as a SavedModel, and the embeddings of all pictures as a table. The commands: looc export, looc embed
export = export_run(run, out / "exports")
embedded = embed_files(export, folder, out / "pictures.npz")
print(embedded.count, "pictures embedded,", len(embedded.skipped), "skipped:", embedded.path)

# 6. The nearest neighbor of the first picture in the space that keeps color.
table = np.load(embedded.path)
nearest = int(np.argsort(-table["color"] @ table["color"][0])[1])
print(f"nearest to {table['id'][0]}: {table['id'][nearest]}")
