"""Carry out one data step of the pipeline by itself and print its peak of memory as JSON.

    python -m benchmarks.data_step STEP FOLDER [--pictures 1000]

FOLDER holds what the step takes, and gets what it makes: `draw` makes pictures and record files of them, `encoder` an
encoder of them, and the steps are those of the pipeline.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf
from PIL import Image
from tfx.components.statistics_gen.executor import Executor as StatisticsExecutor
from tfx.types import Artifact, Channel, artifact_utils
from tfx.types.standard_artifacts import Examples, ExampleStatistics, Model

from looc_tf.experiments import load
from looc_tf.report import export_run
from looc_tf.training import train
from pipeline.artifacts import DataReport, Embeddings
from pipeline.definition.data_steps import import_records, statistics_of
from pipeline.examples.origin import record_files
from pipeline.steps.import_example_gen import ImportExecutor
from pipeline.steps.pictures import Pictures
from pipeline.steps.represent import Represent

SIDE = 128  # pixels of noise, which no format makes smaller: 49 kB each
SMALL = ("data.size=32", "views.size=32", "training.steps=0")


def draw(folder: Path, pictures: int) -> None:
    """So many PNG files of noise in three classes, and the same as two record files."""
    random = np.random.default_rng(0)
    files = [folder / "pictures" / f"{number % 3}" / f"{number:06}.png" for number in range(pictures)]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(file, compress_level=1)
    (folder / "records").mkdir()
    for split, part in (("train", files[: -pictures // 10]), ("test", files[-pictures // 10 :])):
        with tf.io.TFRecordWriter(str(folder / "records" / f"{split}.tfrecord")) as writer:
            for file in part:
                data = tf.train.Feature(bytes_list=tf.train.BytesList(value=[file.read_bytes()]))
                writer.write(tf.train.Example(features=tf.train.Features(feature={"image": data})).SerializeToString())


def encoder(folder: Path) -> None:
    """An exported encoder that has learnt nothing."""
    experiment = load("factors/looc", (*SMALL, f"data.name={folder / 'pictures'}"))
    run = train(experiment, folder / "run")
    export_run(run, folder / "exported").rename(made(folder, Model).uri + "/Format-Serving")


def made(folder: Path, kind: type[Artifact], name: str = "") -> Artifact:
    """The artifact of a type, in a folder of its own."""
    artifact = kind()
    artifact.uri = str(folder / "root" / (name or kind.__name__) / "out" / "1")
    Path(artifact.uri).mkdir(parents=True, exist_ok=True)
    return artifact


def pictures(folder: Path) -> None:
    """Pictures of a folder to examples."""
    _pictures(made(folder, Examples), made(folder, DataReport), data=str(folder / "pictures"))


def import_example_gen(folder: Path) -> None:
    """Record files through ImportExampleGen."""
    files = record_files(str(folder / "records"))
    assert files is not None  # they were written so that their names tell the splits apart
    step = import_records(files)
    ImportExecutor().Do({}, {"examples": [made(folder, Examples, "Imported")]}, dict(step.exec_properties))


def pictures_imported(folder: Path) -> None:
    """What it has read, to examples."""
    imported = made(folder, Examples, "Imported")
    outputs = made(folder, Examples, "Checked"), made(folder, DataReport, "CheckedReport")
    _pictures(*outputs, data=str(folder / "records"), imported=imported)


def _pictures(examples: Artifact, report: Artifact, **inputs: object) -> None:
    given = {"size": 32, "version": "", "fingerprint": "", "beam_pipeline": beam.Pipeline()}
    Pictures.test_call(examples=examples, report=report, **given, **inputs)


def _examples(folder: Path) -> Artifact:
    examples = made(folder, Examples)
    splits = sorted(path.name[len("Split-") :] for path in Path(examples.uri).glob("Split-*"))
    examples.split_names = artifact_utils.encode_split_names(splits)
    return examples


def statistics_gen(folder: Path) -> None:
    """Statistics of the examples."""
    step = statistics_of(Channel(type=Examples))
    outputs = {"statistics": [made(folder, ExampleStatistics)]}
    StatisticsExecutor().Do({"examples": [_examples(folder)]}, outputs, dict(step.exec_properties))


def represent(folder: Path) -> None:
    """Embeddings of all examples."""
    Represent.test_call(
        examples=_examples(folder),
        model=made(folder, Model),
        embeddings=made(folder, Embeddings),
        splits="all",
        fingerprint="",
        beam_pipeline=beam.Pipeline(),
    )


STEPS: dict[str, Callable[[Path], None]] = {
    "encoder": encoder,
    "Pictures": pictures,
    "ImportExampleGen": import_example_gen,
    "Pictures, imported": pictures_imported,
    "StatisticsGen": statistics_gen,
    "Represent": represent,
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("step", choices=["draw", *STEPS])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--pictures", type=int, default=1000)
    given = arguments.parse_args()
    imports = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if given.step == "draw":
        draw(given.folder, given.pictures)
    else:
        STEPS[given.step](given.folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"step": given.step, "peak_mb": peak, "imports_mb": imports}))


if __name__ == "__main__":
    main()
