"""Artifacts made by hand: examples, and evaluation models that are right as often as they are told to be."""

from __future__ import annotations

import json
from pathlib import Path

import tensorflow as tf

from pipeline.judging.evaluation_model import at_least_two

COUNT, CLASSES = 40, 4


def examples(folder: Path, labelled: int = COUNT):
    """An Examples artifact with `COUNT` examples of the features `label`, `turn`, `labelled` and `number`."""
    from tfx.types.artifact_utils import encode_split_names
    from tfx.types.standard_artifacts import Examples

    split = folder / "Split-test"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "test-00000.tfrecord")) as writer:
        for number in range(COUNT):
            known = number < labelled
            values = {"number": number, "label": number % CLASSES if known else -1, "turn": number // 3 % 4}
            features = {
                name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value])) for name, value in values.items()
            }
            features["labelled"] = tf.train.Feature(float_list=tf.train.FloatList(value=[float(known)]))
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    artifact = Examples()
    artifact.uri, artifact.split_names = str(folder), encode_split_names(["test"])
    return artifact


def model(folder: Path, right: dict[str, float], number: int = 1, unlabelled: int = 0):
    """An evaluation model; `right` says of each output (`space.probe`) how large a share of answers is right."""
    from tfx.types.standard_artifacts import Model

    labels = {output: "turn" if output.endswith("rotation") else "label" for output in right}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")], autograph=False)
    def probes(serialized):
        spec = {name: tf.io.FixedLenFeature([], tf.int64) for name in ("number", "label", "turn")}
        parsed = tf.io.parse_example(serialized, spec)
        # an order of the pictures that has nothing to do with their labels
        place = tf.cast(parsed["number"] * 7 % COUNT, tf.float32) / COUNT
        return at_least_two(
            {
                output: tf.one_hot((parsed[labels[output]] + tf.cast(place >= share, tf.int64)) % CLASSES, CLASSES)
                for output, share in right.items()
            }
        )

    concrete = probes.get_concrete_function()
    tf.saved_model.save(tf.Module(), str(folder / "Format-Serving"), signatures={"probes": concrete})
    about = {
        output: dict(zip(("representation", "probe"), output.split(".")), label=labels[output], classes=4, names=[])
        for output in right
    }
    (folder / "probes.json").write_text(json.dumps({"outputs": about, "unlabelled": unlabelled}))
    artifact = Model()
    artifact.uri, artifact.id = str(folder), number
    return artifact
