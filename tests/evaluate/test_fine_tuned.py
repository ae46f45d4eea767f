"""Few labels by a network that is fine-tuned on them: against `looc finetune` itself, and on planted answers."""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.generated import columns, sources_of

from looc_tf import config
from looc_tf.data import source_of
from looc_tf.errors import UserError
from looc_tf.evaluate import choose_pictures, classifier_reading, readings
from looc_tf.evaluate.few_labels import draw
from looc_tf.evaluate.low_label import Share
from looc_tf.experiments import load
from looc_tf.report import evaluate_run
from looc_tf.report.runs import parts_of
from looc_tf.run import load_run
from looc_tf.training import finetune, train
from looc_tf.training.finetune import tuned

STEPS = 8
ASKED = ("evaluation.probes=[fine_tuned]", "evaluation.shares=[0.5]", f"evaluation.tuned_steps={STEPS}")
SETTINGS = config.Evaluation(probes=("fine_tuned",), shares=(0.1, 0.5), tunings=2, tuned_steps=3, limit=None)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    tiny.draw(place / "pictures", each=30)
    return train(tiny.experiment(place / "pictures"), place / "run")


@pytest.fixture(scope="module")
def evaluated(run):
    return evaluate_run(run, overrides=ASKED)


def test_it_is_looc_finetune_on_the_same_pictures(run, evaluated, tmp_path):
    """The command's own function, into a run folder, on the draw of the protocol: the same accuracy, to the digit."""
    found = {reading.probe: reading for reading in evaluated.readings}
    opened = load_run(run)
    sources = parts_of(opened, None, None)
    source, rows = choose_pictures(sources, opened.experiment.evaluation.limit)["train"]
    labels = source.labels["label"][rows]
    some = source.take(rows[draw(labels, Share(0.5), 0)])
    overrides = (f"training.steps={STEPS}", f"optimizer.warmup_steps={STEPS // 2}")
    out = finetune(run, tmp_path / "tuned", source=some, seed=0, overrides=overrides)
    expected, read = classifier_reading(load_run(out).embedder.images, sources, some.fields["label"]), found.popitem()
    assert read[0] == "fine_tuned@50%" and not found  # three classes have no first five
    assert (read[1].value, read[1].balanced, read[1].validation) == (
        expected.value,
        expected.balanced,
        expected.validation,
    )
    assert read[1].rows == {"train": len(some), **{part: expected.rows[part] for part in ("validation", "test")}}
    assert {reading.representation for reading in evaluated.readings} == {"trunk"}


def test_the_network_is_the_same_to_the_bit_and_the_run_stays_as_it_was(run, tmp_path):
    opened = load_run(run)
    source = parts_of(opened, None, None)["train"].take(np.arange(0, 40, 2))
    before, steps = [weight.numpy() for weight in opened.method.weights], []
    embed = tuned(opened, source, 6, 1, steps.append)
    overrides = ("training.steps=6", "optimizer.warmup_steps=3")
    its = load_run(finetune(run, tmp_path / "tuned", source=source, seed=1, overrides=overrides)).embedder.images
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8))
    for name, rows in its(images).items():
        np.testing.assert_array_equal(embed(images)[name], rows, err_msg=name)
    assert steps == [1, 2, 3, 4, 5, 6]
    for weight, was in zip(opened.method.weights, before):
        np.testing.assert_array_equal(weight, was, err_msg=weight.name)


def test_it_is_read_again_to_the_same_digits_and_leaves_other_evaluations_alone(run, evaluated):
    again = evaluate_run(run, overrides=["evaluation.probes=[object,fine_tuned,low_label]", *ASKED[1:]])
    values = {(one["representation"], one["probe"]): one["value"] for one in again.records}
    for one in evaluated.records:
        assert values[one["representation"], one["probe"]] == one["value"]
    plain = evaluate_run(run, overrides=["evaluation.probes=[object,low_label]", *ASKED[1:]])
    for one in plain.records:
        assert values[one["representation"], one["probe"]] == one["value"]
    about = json.loads((run / "probes.json").read_text())
    assert not [one for one in about if one["probe"].startswith("fine_tuned")]  # written anew by the last call


class Tuner:
    """Stands for a run: gives every picture the probabilities of a plain rule, and remembers what it was given."""

    def __init__(self, classes):
        self.classes, self.given = classes, []

    def __call__(self, source, steps, seed, told):
        self.given.append((list(source.ids), source.labels["label"].tolist(), steps, seed))
        for step in range(steps):
            told(step + 1)
        return lambda images: {"probabilities": tf.constant(self.named(np.asarray(images), seed)), "trunk": images}

    def named(self, images, seed):
        answers = (images.reshape(len(images), -1).sum(axis=1).astype(np.int64) + seed) % self.classes
        return np.float32(np.eye(self.classes)[answers])


def noise(classes):
    """Pictures of noise with labels in turn, and one without."""
    random, sources = np.random.default_rng(0), {}
    for part, count in {"train": 120, "validation": 40, "test": 90}.items():
        labels = np.where(np.arange(count) == 5, -1, np.arange(count) % classes)
        images = random.integers(0, 256, (count, 8, 8, 3), np.uint8)
        sources[part] = source_of(images, labels, split=part, classes=[f"c{n}" for n in range(classes)])
    return sources


@pytest.mark.parametrize("classes", [3, 7])
def test_values_are_means_over_the_draws_of_low_label(classes):
    sources, tuner, bar = noise(classes), Tuner(classes), []
    told = lambda stage, done, total: bar.append((done, total)) if stage == "Fine-tuning" else None  # noqa: E731
    embed = lambda images: {"trunk": tf.reshape(tf.cast(images, tf.float32), [len(images), -1])}  # noqa: E731
    found = {each.probe: each for each in readings(embed, sources, SETTINGS, told, tune=tuner)}
    test = sources["test"].fetch(np.delete(np.arange(90), 5))
    pictures, labels = np.asarray(test["image"]), np.asarray(test["label"])
    values = [100 * np.mean(tuner.named(pictures, seed).argmax(1) == labels) for seed in (0, 1)]
    train = sources["train"].take(np.delete(np.arange(120), 5))
    for number, (share, name) in enumerate(((0.1, "fine_tuned@10%"), (0.5, "fine_tuned@50%"))):
        assert found[name].value == pytest.approx(np.mean(values), abs=1e-3)
        assert found[name].half == pytest.approx(12.706 * np.std(values, ddof=1) / 2**0.5, rel=1e-3)
        assert found[name].chance == pytest.approx(100 / classes, abs=1e-3)
        assert (f"{name} top-5" in found) == (classes > 5)
        for seed in (0, 1):
            rows = draw(train.labels["label"], Share(share), seed)
            ids = [train.ids[row] for row in rows]
            assert tuner.given[2 * number + seed] == (ids, train.labels["label"][rows].tolist(), 3, seed)
    assert bar == [(step, 12) for step in range(1, 13)]


def test_without_a_run_it_is_left_out():
    notes: list[str] = []
    sources = sources_of({"train": 60, "validation": 20, "test": 30}, 3)
    assert not list(readings(columns, sources, SETTINGS, notes=notes))
    assert notes == ["left out: fine_tuned: it trains on, which takes a run of one trunk"]


@pytest.mark.parametrize("field", ["tunings", "tuned_steps"])
def test_numbers_that_are_none_are_refused(field):
    with pytest.raises(UserError, match=rf"evaluation\.{field} should be"):
        load("cifar10/moco-color", [f"evaluation.{field}=0"])
