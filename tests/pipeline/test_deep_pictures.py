"""Shards of deep pictures and of named bands: what is trained on and what is served are the pixels of the files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.deep import png16, ramp, tiff, write
from helpers.see_through import SeeThrough, seen

from looc_tf.data import open_source, read_table
from looc_tf.export import Embedder
from pipeline import experiments

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

CASES = {
    "xrays": (lambda low: png16(ramp(40, 1, low, 4000)), None, "PNG"),
    "tiff": (lambda low: tiff(ramp(40, 1, low, 4000).astype(np.uint16)), None, "PNG"),
    "thirteen": (lambda low: tiff(ramp(40, 13, low, 4000).astype(np.uint16)), tuple(range(13)), "PNG"),
    "three": (lambda low: tiff(ramp(40, 13, low, 4000).astype(np.float32)), (3, 2, 1), "PNG"),
}


def _pictures(origin, examples, bands):
    """Runs the executor of the step, on Beam in this process."""
    import apache_beam as beam

    from pipeline.steps import pictures

    uri = examples.parent / "report"
    uri.mkdir()
    artifacts = {name: _artifact(name, place) for name, place in (("examples", examples), ("report", uri))}
    said = experiments.pixels(tiny.experiment(origin, f"data.bands={json.dumps(bands)}"))
    step = pictures.Pictures(
        data=str(origin), size=16, version="", fingerprint="", **({"pixels": said} if said else {})
    )
    function = step.EXECUTOR_SPEC.executor_class._FUNCTION
    given = {"data": str(origin), "size": 16, "version": "", "fingerprint": "", "pixels": said}
    function(**artifacts, **given, imported=None, beam_pipeline=beam.Pipeline())


def _artifact(name, place):
    from tfx.types.standard_artifacts import Examples

    from pipeline.artifacts import DataReport

    made = Examples() if name == "examples" else DataReport()
    made.uri = str(place)
    return made


@pytest.mark.parametrize("case", CASES)
def test_shards_hold_the_pixels_of_the_files(tmp_path, case):
    make, bands, kind = CASES[case]
    folder = write(tmp_path / "pictures", [make(10.0 * number) for number in range(24)])
    examples = tmp_path / "examples"
    examples.mkdir()
    _pictures(folder, examples, bands)
    direct = open_source(folder, "train", size=16, bands=bands)
    records = open_source(str(examples / "*" / "*.tfrecord*"), "train", size=16, bands=bands)
    assert records.pixels == direct.pixels and records.ids == direct.ids
    images = direct.fetch(list(range(len(direct))))["image"].numpy()
    np.testing.assert_array_equal(records.fetch(list(range(len(direct))))["image"], images)

    channels = direct.pixels.channels
    embedder = Embedder(SeeThrough(16, channels), data_size=16, view_size=16, rule=records.pixels)
    [file] = (examples / "Split-train").iterdir()
    serialized = [record.numpy() for record in tf.data.TFRecordDataset(str(file))]
    np.testing.assert_array_equal(seen(embedder.examples(tf.constant(serialized))["trunk"], 16, channels), images)
    one = tf.train.Example.FromString(serialized[0]).features.feature
    assert one["height"].int64_list.value[0] == 40 and one["format"].bytes_list.value[0] == kind.encode()


def test_records_without_a_rule_beside_them_are_looked_at(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "set-train.tfrecord")) as writer:
        for number in range(24):
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[png16(ramp(40, 1, number, 4095))]))
            example = tf.train.Example(features=tf.train.Features(feature={"image": feature}))
            writer.write(example.SerializeToString())
    assert read_table(tmp_path).pixels is None
    assert open_source(tmp_path, size=16).pixels.ranges[0][1] == 4095
    Path(tmp_path, "pixels.json").write_text(json.dumps({"ranges": [[0, 1000]], "kind": "uint16"}))
    assert open_source(tmp_path, size=16).pixels.ranges == ((0.0, 1000.0),)


def test_an_experiment_that_says_nothing_gives_the_step_nothing():
    assert experiments.pixels(tiny.experiment("pictures")) == ""
    assert json.loads(experiments.pixels(tiny.experiment("pictures", "data.range=[0,4095]"))) == {"given": [0, 4095]}
