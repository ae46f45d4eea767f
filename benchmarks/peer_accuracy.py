"""What another library's training of a method is worth, by the protocol that measures ours.

    python -m benchmarks.peer_accuracy prepare cifar10/simclr --data CIFAR10 --out FOLDER
    PEERS/bin/python benchmarks/peers/lightly_train.py FOLDER
    python -m benchmarks.peer_accuracy read FOLDER                 # the other library's
    python -m benchmarks.peer_accuracy read FOLDER --run RUN       # of a run of ours, read in the same way

`prepare` writes the pictures of a config as they are held here and the config as JSON, of which the other library's
program makes features of the same pictures. `read` puts the probes `knn` and `object` to features and prints their
accuracies on the test part as JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from looc_tf import config, experiments
from looc_tf.data import Source, open_parts, reading
from looc_tf.evaluate import choose_pictures
from looc_tf.evaluate.features import UPRIGHT, Features
from looc_tf.evaluate.probes import PROBES
from looc_tf.evaluate.questions import Probe
from looc_tf.representations import TRUNK
from looc_tf.run import load_run

READ = ("knn", "object")  # the probes that see each picture as it is
BATCH = 250


def options() -> argparse.Namespace:
    """The command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = arguments.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="write pictures and config for the other library's program")
    prepare.add_argument("config", help="such as cifar10/simclr")
    prepare.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change a field of it")
    prepare.add_argument("--data", required=True, help="folder or record files of pictures")
    prepare.add_argument("--out", type=Path, required=True)
    read = commands.add_parser("read", help="put the probes to features")
    read.add_argument("folder", type=Path, help="what `prepare` wrote, with features.npz")
    read.add_argument("--run", type=Path, help="a run of ours, in the place of features.npz")
    return arguments.parse_args()


def sources_of(experiment: config.Experiment) -> dict[str, Source]:
    """The parts of an experiment's pictures."""
    return open_parts(experiment.data.name, size=experiment.data.size, **reading(experiment.data))


def pictures_of(source: Source) -> np.ndarray:
    """All pictures of a part in its order, uint8 `[N, S, S, 3]`."""
    places = np.arange(len(source))
    return np.concatenate([source.fetch(places[at : at + BATCH])["image"].numpy() for at in places[::BATCH]])


def prepare(given: argparse.Namespace) -> None:
    """Write `pictures.npz` and `recipe.json`."""
    experiment = experiments.load(given.config, given.set, data=str(Path(given.data).absolute()))
    given.out.mkdir(parents=True, exist_ok=True)
    parts = {part: pictures_of(source) for part, source in sources_of(experiment).items()}
    np.savez(given.out / "pictures.npz", **parts)
    (given.out / "recipe.json").write_text(json.dumps(config.to_dict(experiment), indent=1), encoding="utf8")


def accuracies(
    rows: Mapping[str, np.ndarray], sources: Mapping[str, Source], settings: config.Evaluation
) -> dict[str, float]:
    """The accuracy in percent of each probe of `READ` on features that were made elsewhere.

    Args:
        rows: part -> the features `[N, F]` of all its pictures, in the order of the source.
        sources: the parts of the data, "train" and "test" at least.
        settings: of the protocol: neighbors, penalties, limit.
    """
    named = {id(source): name for name, source in sources.items()}
    features = {}
    for part, (source, chosen) in choose_pictures(sources, settings.limit).items():
        labels = {field: np.asarray(source.labels[field])[chosen] for field in source.fields}
        features[part] = Features({UPRIGHT: {TRUNK: rows[named[id(source)]][chosen]}}, labels)
    found = {}
    for name in READ:
        probe = PROBES[name](sources)
        if isinstance(probe, Probe):
            found[name] = round(probe.choice(features, TRUNK, settings).value, 4)
    return found


def features_of(run: Path, sources: Mapping[str, Source]) -> dict[str, np.ndarray]:
    """Part -> the trunk's features of all its pictures, of a run of ours."""
    embed = load_run(run).embedder.images
    pictures = {part: pictures_of(source) for part, source in sources.items()}
    return {
        part: np.concatenate([embed(every[at : at + BATCH])[TRUNK] for at in range(0, len(every), BATCH)])
        for part, every in pictures.items()
    }


def read(given: argparse.Namespace) -> None:
    """Print the accuracies of a training of the other library, or of ours."""
    experiment = experiments.from_dict(json.loads((given.folder / "recipe.json").read_text(encoding="utf8")))
    sources = sources_of(experiment)
    if given.run:
        rows = features_of(given.run, sources)
    else:
        with np.load(given.folder / "features.npz") as stored:
            rows = dict(stored)
    found = accuracies(rows, sources, experiment.evaluation)
    print(json.dumps({"of": str(given.run or given.folder), **found}))


def main() -> None:
    given = options()
    {"prepare": prepare, "read": read}[given.command](given)


if __name__ == "__main__":
    main()
