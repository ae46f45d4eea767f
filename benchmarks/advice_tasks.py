"""What `looc advise` says of tasks whose answer is known, against a test part that it never saw.

    python -m benchmarks.advice_tasks pictures TASKS            # a folder of `factors`, turned, with labels.csv
    python -m benchmarks.advice_tasks check RUN TASKS --only hue

The labels are the object, the family of its hue, how it is turned, and the object's shuffled among the pictures. For
each the advice is taken and its accuracy on other pictures set beside that of every candidate.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

import looc_tf
from looc_tf.data import Source
from looc_tf.evaluate.features import UPRIGHT, extract
from looc_tf.evaluate.linear import linear_probe
from looc_tf.evaluate.probe_result import Rows
from looc_tf.report.advice import advise_run, candidates
from looc_tf.report.runs import parts_of
from looc_tf.run import Run, load_run

TABLE = "labels.csv"
TASKS = ("object", "hue", "orientation", "shuffled")
SIZE, LABELLED, TEST = 64, 6000, 2000
FIFTH = 5  # one in so many labelled pictures chooses the penalty


def options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = arguments.add_subparsers(dest="command", required=True)
    made = commands.add_parser("pictures")
    made.add_argument("folder", type=Path)
    checked = commands.add_parser("check")
    checked.add_argument("run", type=Path)
    checked.add_argument("folder", type=Path)
    checked.add_argument("--only", nargs="+", choices=TASKS, default=TASKS)
    return arguments.parse_args()


def draw(folder: Path) -> None:
    """`FOLDER/labelled` and `FOLDER/test`, each of pictures turned by right angles with labels.csv."""
    for name, part, count in (("labelled", "train", LABELLED), ("test", "test", TEST)):
        _draw(folder / name, looc_tf.open_source("factors", part, size=SIZE), count)


def _draw(folder: Path, source: Source, count: int) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    rows, turns = random.permutation(len(source))[:count], random.integers(4, size=count)
    objects = np.asarray(source.labels["label"])[rows]
    shuffled = random.permutation(objects)
    images = source.fetch(rows.tolist())["image"].numpy()
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", *TASKS])
        for number, (image, turn) in enumerate(zip(images, turns)):
            Image.fromarray(np.rot90(image, turn)).save(folder / f"{number:05}.png")
            label, hue = source.fields["label"], source.fields["hue"]
            said = [label[objects[number]], hue[source.labels["hue"][rows[number]]], f"{90 * turn}"]
            table.writerow([f"{number:05}.png", *said, label[shuffled[number]]])


def check(run: Run, folder: Path, task: str) -> dict[str, object]:
    """What was advised, and what each candidate trained on all labelled pictures reads on the test pictures."""
    labelled, test = folder / "labelled", folder / "test"
    advised = advise_run(run, str(labelled), str(labelled / TABLE), task, out=folder / f"advice-{run.path.name}-{task}")
    (rows, answers), (others, told) = (_embedded(run, part, task) for part in (labelled, test))
    chooses = np.arange(len(answers)) % FIFTH == 0
    read = {}
    for name in rows:
        train, validation = (Rows(rows[name][some], answers[some]) for some in (~chooses, chooses))
        strengths = run.experiment.evaluation.strengths
        read[name] = round(linear_probe(train, validation, Rows(others[name], told), strengths).value, 2)
    taken = advised.advice.representation
    behind = round(max(read.values()) - read[taken], 2)
    says = advised.says[0]
    return {"task": task, "advised": taken, "behind": behind, "factor": advised.advice.factor, "says": says, **read}


def _embedded(run: Run, folder: Path, task: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Every candidate's features of all pictures of a folder, and their labels."""
    sources = parts_of(run, str(folder), str(folder / TABLE), task).values()
    parts = [extract(run.embedder.images, each, np.arange(len(each)), (UPRIGHT,), 256) for each in sources]
    names = candidates(parts[0])
    rows = {name: np.concatenate([part.of(UPRIGHT, name) for part in parts]) for name in names}
    return rows, np.concatenate([part.labels["label"] for part in parts])


def main() -> None:
    given = options()
    if given.command == "pictures":
        draw(given.folder)
        return
    run = load_run(given.run)
    for task in given.only:
        print(json.dumps(check(run, given.folder, task)), flush=True)


if __name__ == "__main__":
    main()
