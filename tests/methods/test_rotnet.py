"""Telling turns: every picture in all four of them, in views that nothing else has turned."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract

from looc_tf.methods import build_plan
from looc_tf.methods.turns import in_all_turns

NAME = "rotnet"


def test_the_view_has_every_augmentation_but_those_that_turn():
    case = contract.CASES[NAME]
    (view,) = build_plan(case).views
    assert dict(zip(case.views.chain, view.draws)) == {"crop": 0, "color": 0, "rotation": None, "texture": 0}


def test_all_turns_of_a_picture_are_in_a_batch():
    images = tf.random.stateless_uniform([3, 6, 6, 3], (1, 2))
    turned, turns = in_all_turns(images)
    for row, (picture, turn) in enumerate(zip(turned, turns)):
        assert np.array_equal(picture, np.rot90(images[row % 3], turn))
    assert np.bincount(turns).tolist() == [3, 3, 3, 3]


def test_its_loss_is_the_mean_over_the_turns():
    method, batch = contract.rewound(NAME).rewind(), contract.make_batch(contract.CASES[NAME])
    turned, turns = in_all_turns(batch["views"]["query"])
    logits = method.classifier(method.encoder(turned, training=True)["trunk"]).numpy()
    each = [np.log(np.exp(row).sum()) - row[turn] for row, turn in zip(logits, turns)]
    logs = contract.step(method, batch)
    assert logs["loss"] == pytest.approx(np.mean(each), rel=1e-4)
    assert logs["accuracy"] == pytest.approx(np.mean(logits.argmax(axis=1) == turns))
