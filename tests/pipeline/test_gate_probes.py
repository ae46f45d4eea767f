"""What examples ask of a model is what the library's probes ask; a kind of probe that they cannot ask is left out."""

import logging
import types

import numpy as np
import pytest

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

import tensorflow as tf
from helpers import tiny

from looc_tf.config import Evaluation, Experiment, Gate
from looc_tf.data import open_parts
from looc_tf.errors import UserError
from looc_tf.evaluate import readings
from looc_tf.evaluate.features import COPIES, UPRIGHT
from looc_tf.evaluate.probe_result import Rows
from looc_tf.evaluate.probes import LINEAR_PROBES, PROBES, RotationProbe
from looc_tf.evaluate.questions import Probe
from pipeline import experiments, probes
from pipeline.judging import evaluation_model, thresholds

PICTURES = tf.constant(np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)), tf.uint8)
CLASSES = ("a", "b")
EVALUATIONS = [name for name in PROBES if name not in Evaluation().probes]  # that are asked for by name alone


def with_labels(*fields):
    """Parts of a data set that has these labels."""
    labels = dict.fromkeys(fields, np.arange(len(CLASSES)))
    return dict.fromkeys(("train", "test"), types.SimpleNamespace(fields=dict.fromkeys(fields, CLASSES), labels=labels))


class OddProbe(Probe):
    """Whether the class of a picture has an odd number: a linear probe of a kind that the pipeline does not know."""

    classes = 2

    def rows(self, features, representation):
        return Rows(features.of(UPRIGHT, representation), features.labels["label"] % 2)


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        (("label", "hue", "texture"), {"object": "label", "rotation": "turn", "hue": "hue", "texture": "texture"}),
        (("label",), {"object": "label", "rotation": "turn", "hue": "hue_shift"}),
        ((), {"rotation": "turn", "hue": "hue_shift"}),
    ],
)
def test_every_linear_probe_of_the_library_has_its_answer_in_an_example(fields, answers):
    sources = with_labels(*fields)
    found = {
        name: probes.answer_feature(choose(sources)) for name in LINEAR_PROBES if (choose := PROBES[name])(sources)
    }
    assert found == answers


def test_turned_copies_are_the_librarys():
    turned = [COPIES[name]({"image": PICTURES}) for name in RotationProbe.copies]
    order = [2, 0, 3, 1]
    shown = probes.COPIES["turn"].show(PICTURES, tf.constant(order, tf.int64))
    for row, number in enumerate(order):
        np.testing.assert_array_equal(shown[row], turned[number][row])


def test_hue_shifted_copies_are_the_librarys():
    names = ["a.png", "b.png", "c.png", "d.png"]
    right = COPIES["hue_shift"]({"image": PICTURES, "id": tf.constant(names)})
    numbers = [probes.COPIES["hue_shift"].draw(name) for name in names]
    np.testing.assert_array_equal(probes.COPIES["hue_shift"].show(PICTURES, tf.constant(numbers, tf.int64)), right)


def test_an_unknown_kind_of_linear_probe_is_left_out_of_the_gate(monkeypatch, tmp_path, caplog):
    monkeypatch.setitem(PROBES, "odd", lambda sources: OddProbe())
    sources = open_parts(tiny.draw(tmp_path / "pictures"), size=16)
    settings = Evaluation(probes=("object", "odd"), strengths=(1.0,))
    read = list(readings(lambda images: {"trunk": tf.reshape(images, [-1, 768]) / 255}, sources, settings))
    assert [(reading.probe, reading.fitted is None) for reading in read] == [("object", False), ("odd", False)]
    with caplog.at_level(logging.WARNING):
        asked = evaluation_model.questions(read, sources)
    assert [question.output for question in asked] == ["trunk.object"]
    assert caplog.messages == [
        "The odd probe is left out of the gate: pipeline.probes knows no copies of a picture for it."
    ]


def test_a_threshold_for_a_probe_that_examples_cannot_ask():
    about = {"representation": "trunk", "probe": "object", "label": "label", "classes": 2, "names": []}
    with pytest.raises(UserError, match=r"floors\.trunk\.hue cannot be judged: .* none that examples can ask"):
        thresholds.demands(Gate(floors={"trunk": {"hue": 1}}), {"trunk.object": about}, {})


def test_the_gate_takes_what_it_can_use_and_passes_over_the_rest_in_silence(tmp_path, caplog):
    """Evaluations beside the probes have no classifier of one representation that an example could be put to."""
    sources = open_parts(tiny.draw(tmp_path / "pictures"), size=16)
    settings = Evaluation(probes=("object", *EVALUATIONS), strengths=(1.0,), shots=(1,), draws=2)
    rows = {"trunk": slice(0, 99), "all": slice(99, 130), "color": slice(130, 160)}

    def embed(images):
        pixels = tf.reshape(images, [-1, 768]) / 255
        return {name: pixels[:, some] for name, some in rows.items()}

    read = list(readings(embed, sources, settings))
    assert len({reading.probe.partition("@")[0] for reading in read}) > 1
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        asked = evaluation_model.questions(read, sources)
    assert [question.output for question in asked] == ["trunk.object", "all.object", "color.object", "concat.object"]
    assert not caplog.messages


def test_a_pipeline_refuses_to_fit_on_some_classes_what_is_judged_on_all():
    experiment = Experiment(evaluation=Evaluation(classes="objectnet-13"))
    with pytest.raises(UserError, match=r"Received evaluation\.classes=objectnet-13\. Leave it out"):
        experiments.for_probes(experiment)
