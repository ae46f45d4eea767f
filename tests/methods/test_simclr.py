"""SimCLR: its loss through the method, its views, and what it refuses."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract, references

from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.methods import SimCLR, build_plan


def rows_of(method, batch, names):
    """The unit rows of some views, in one pass of the encoder as the method makes it."""
    encoded = method.encoder(tf.concat([batch["views"][name] for name in names], axis=0), training=True)["all"]
    return np.split(encoded.numpy().astype(np.float64), len(names))


def test_the_logged_loss_is_the_mean_over_both_directions():
    method, batch = contract.rewound("simclr").rewind(), contract.make_batch(contract.CASES["simclr"])
    one, two = rows_of(method, batch, ["query", "all"])
    expected = np.mean(references.nt_xent(one, two, method.spaces["all"].temperature))
    logs = contract.step(contract.rewound("simclr").rewind(), batch)
    assert logs["loss"] == logs["all/loss"] == pytest.approx(expected, rel=1e-4)


def test_small_views_meet_the_large_ones_alone():
    case = contract.CASES["simclr_multicrop"]
    method, batch = contract.rewound("simclr_multicrop").rewind(), contract.make_batch(case)
    rows = dict(zip(["query", "all"], rows_of(method, batch, ["query", "all"])))
    rows.update(zip(["local1", "local2"], rows_of(method, batch, ["local1", "local2"])))
    pairs = [("query", "all"), *((large, small) for large in ("query", "all") for small in ("local1", "local2"))]
    expected = np.mean(
        [references.nt_xent(rows[one], rows[two], method.spaces["all"].temperature) for one, two in pairs]
    )
    logs = contract.step(contract.rewound("simclr_multicrop").rewind(), batch)
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)


def test_multi_crop_is_a_matter_of_the_config():
    plan = build_plan(load("cifar10/simclr-multicrop"))
    assert {view.name: view.draws for view in plan.views} == {
        "query": (0, None, 0), "all": (1, None, 1), "local1": (None, 0, 2), "local2": (None, 1, 3),
        "local3": (None, 2, 4), "local4": (None, 3, 5),
    }  # fmt: skip
    views, parameters = plan(tf.zeros([2, 32, 32, 3], tf.uint8), tf.random.stateless_uniform([2, plan.numbers], (0, 1)))
    assert {name: view.shape[1] for name, view in views.items()} == {
        "query": 32, "all": 32, "local1": 18, "local2": 18, "local3": 18, "local4": 18,
    }  # fmt: skip
    assert list(parameters["local1"]) == ["local", "color"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["method.temperature=0"], "method.temperature should lie between 0.0001 and 10000. Received 0.0."),
        (
            ["method.momentum=0.9"],
            "unknown key 'method.momentum'. Expected one of name, spaces, rank_siblings, unlike_spaces, temperature, "
            "local_views.",
        ),
        (["method.spaces=[]"], "method.spaces is empty. Expected at least one space"),
        (["method.spaces=[{name: all, queue: 8}]"], "unknown key 'method.spaces.0.queue'"),
        (["method.spaces=[{name: color, shares: [colour]}]"], "shares 'colour', which is not in the chain"),
        (["method.rank_siblings=-1"], "method.rank_siblings should lie between 0 and 1000. Received -1"),
        (["method.local_views=2"], "take 2 crops in views.chain. Received crop."),
        (["method.local_views=-1"], "method.local_views should lie between 0 and 64. Received -1."),
        (["method.temperature=1e-300"], "method.temperature should lie between"),
        (["training.batch=1"], "training.batch should be at least 2. Received 1."),
        (
            ["views.chain={crop: {}, local: {kind: crop}}"],
            "take 1 crop in views.chain. Received crop, local.",
        ),
        (["method.local_views=2", "views.chain={local: {kind: crop, size: 18}, crop: {}}"], "let them trade places"),
        (["training.accumulate=2"], "needs the whole batch at once, training.accumulate of 2 cuts it."),
        (["views.chain={color: {}}"], "take 1 crop in views.chain. Received none."),
    ],
)
def test_what_cannot_work_is_refused(overrides, words):
    with pytest.raises(UserError) as refusal:
        load("cifar10/simclr", overrides)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


def test_its_config_says_what_it_is():
    experiment = load("cifar10/simclr")
    assert type(experiment.method) is SimCLR.Settings and experiment.model.head == "batch_norm_mlp"
