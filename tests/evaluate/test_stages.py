"""Feature maps of earlier stages, read and exported beside the trunk."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from looc_tf.config import Model
from looc_tf.errors import UserError
from looc_tf.experiments import from_text
from looc_tf.models import Encoder
from looc_tf.report import evaluate_run, export_run
from looc_tf.representations import is_space, ordered
from looc_tf.run import load_run
from looc_tf.training import train

STAGE4 = "evaluation: {stages: [stage4]}\ntraining: {steps: 1}"
FIELDS = ["evaluation.stages=[stage3,stage4]", "evaluation.probes=[object,knn]", "evaluation.neighbors=[3]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("stages")
    tiny.draw(place / "pictures")
    return train(tiny.experiment(place / "pictures", "training.steps=2"), place / "run")


def test_stages_are_read_beside_the_trunk_and_are_no_spaces(run):
    read = evaluate_run(run, overrides=FIELDS, page=False).records
    names = ordered(record["representation"] for record in read)
    assert names == ["trunk", "all", "rotation", "concat", "stage3", "stage4"]
    assert not is_space("stage3")
    assert {record["probe"] for record in read if record["representation"] == "stage4"} == {"object", "knn"}


def test_what_the_config_reads_is_exported_too(run, tmp_path):
    opened = load_run(run)
    reading = replace(opened.experiment, evaluation=replace(opened.experiment.evaluation, stages=("stage3",)))
    opened = replace(opened, experiment=reading)
    served = tf.saved_model.load(str(export_run(opened, tmp_path))).signatures["images"]
    images = tf.zeros([2, 16, 16, 3], tf.uint8)
    assert sorted(served(images)) == ["all", "rotation", "stage3", "trunk"]
    np.testing.assert_allclose(served(images)["stage3"], opened.embedder.images(images)["stage3"], rtol=1e-5, atol=1e-6)


def test_a_stage_is_exported_as_it_was_read(run, tmp_path):
    images = tf.random.stateless_uniform([4, 16, 16, 3], (1, 2), maxval=256, dtype=tf.int32)
    images = tf.cast(images, tf.uint8)
    opened = load_run(run)
    rows = opened.embedding(["stage4"]).images(images)["stage4"]
    maps = opened.method.encoder(tf.cast(images, tf.float32) / 255, maps=["stage4"])["stage4"]
    np.testing.assert_allclose(rows, tf.reduce_mean(maps, axis=[1, 2]), rtol=1e-5, atol=1e-6)
    served = tf.saved_model.load(str(export_run(run, tmp_path, representation="stage4+all"))).signatures["images"]
    expected = np.concatenate([rows, opened.embedder.images(images)["all"]], axis=1)
    np.testing.assert_allclose(served(images)["embedding"], expected, rtol=1e-5, atol=1e-6)


def test_mistakes_are_told_in_one_line(run):
    with pytest.raises(UserError, match=r"Unknown evaluation.stages 'stage5'"):
        from_text("evaluation: {stages: [stage5]}\ntraining: {steps: 1}")
    with pytest.raises(UserError, match="A space cannot be called 'stage3'"):
        from_text("method: {spaces: [{name: stage3}]}\ntraining: {steps: 1}")
    with pytest.raises(UserError, match=r"evaluation.stages are those of one trunk, .* the method 'cmc'"):
        from_text("method: {name: cmc}\nevaluation: {stages: [stage3]}\ntraining: {steps: 1}")
    with pytest.raises(UserError, match=r"Received stage4 with model.backbone='keras/MobileNetV2'"):
        from_text(f"method: {{name: supervised}}\nmodel: {{backbone: keras/MobileNetV2}}\n{STAGE4}")
    channels = load_run(run)
    encoder = Encoder(Model(width=4, head="linear"), ["L"], channels_of={"L": (0, 1)})
    with (
        pytest.raises(UserError, match="Expected a network with the stages stage2, stage3"),
        mock.patch.object(channels.method, "encoder", encoder),
    ):
        channels.embedding(["stage3"])
