"""The supervised baseline reads one view and its label; what has no label does not count."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract

from looc_tf.experiments import from_text
from looc_tf.methods import Facts, build, build_plan

CASE = contract.CASES["supervised"]


def step(labels, seed=0):
    batch = contract.make_batch(CASE, seed)
    return contract.step(contract.rewound("supervised").rewind(), {**batch, "label": tf.constant(labels, tf.int64)})


def test_the_query_alone_is_rendered():
    assert [view.name for view in build_plan(CASE).views] == ["query"]


@pytest.mark.parametrize("known", [1, 5, 7])
def test_pictures_without_a_label_do_not_count(known):
    labels = np.arange(contract.BATCH) % contract.CLASSES
    method = contract.rewound("supervised").rewind()
    batch = contract.make_batch(CASE)
    logits = method.classifier(method.encoder(batch["views"]["query"], training=True)["trunk"]).numpy()
    each = [np.log(np.exp(row).sum()) - row[label] for row, label in zip(logits, labels)]
    right = [row.argmax() == label for row, label in zip(logits, labels)]
    logs = step(np.where(np.arange(contract.BATCH) < known, labels, -1))
    assert logs["loss"] == pytest.approx(np.mean(each[:known]), rel=1e-4)
    assert logs["accuracy"] == pytest.approx(np.mean(right[:known]))


def test_a_batch_without_any_label_changes_no_weight_by_its_loss():
    logs = step(np.full(contract.BATCH, -1))
    assert logs["loss"] == 0 and np.isfinite(list(logs.values())).all()


def test_no_key_groups_stand_in_the_way_of_a_batch():
    text = "training: {steps: 1, batch: 100}\nmodel: {backbone: plain6, width: 4}\nmethod: {name: supervised}"
    assert build(from_text(text), Facts(classes=3)).classifier.units == 3
