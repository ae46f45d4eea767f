"""What every method must do, as functions of a built method, for the contract tests and the planted bugs."""

from __future__ import annotations

from unittest import mock

import numpy as np
import tensorflow as tf
from tensorflow import keras

from helpers import contract, references
from looc_tf import augment
from looc_tf.memory import embedding_space
from looc_tf.objectives import Predicted


def all_statistics_move(method, batch) -> None:
    """Every BatchNorm of what is trained, and of slow copies, takes the statistics of a step."""
    layers = [layer for layer in method.submodules if isinstance(layer, keras.layers.BatchNormalization)]
    before = contract.arrays(layer.moving_mean for layer in layers)
    contract.step(method, batch)
    for layer, mean in zip(layers, before):
        assert not np.array_equal(mean, layer.moving_mean), layer.name


def view_rule(leave_one_out, spaces) -> None:
    """On drawn parameters: each key has the query's parameters of what its space shares, and its own of the rest."""
    chain = {name: augment.build(name, **({"size": 8} if name == "crop" else {})) for name in contract.CHAIN}
    plan = leave_one_out(chain, spaces)
    drawn = plan.sample(tf.random.stateless_uniform([64, plan.numbers], seed=(1, 2)))
    assert list(drawn) == ["query", *(space.name for space in spaces)]
    views = ["query", *(space.name for space in spaces)]
    shares = {"query": (), **{space.name: tuple(space.shares) for space in spaces}}
    for i, one in enumerate(views):
        for other in views[i + 1 :]:
            common = set(shares[other]) if one == "query" else set(shares[one]) & set(shares[other])
            for name in contract.CHAIN:
                pairs = zip(tf.nest.flatten(drawn[one][name]), tf.nest.flatten(drawn[other][name]))
                equal = all(np.array_equal(a, b) for a, b in pairs)
                assert equal == (name in common), f"{one} and {other}: {name} {'shared' if equal else 'drawn apart'}"


def embeddings(method, batch) -> tuple[dict, dict]:
    """Queries and keys of a batch through every head, keys put into the queries' order by the twin."""
    queries = {name: np.array(rows) for name, rows in method.encoder(batch["views"]["query"], training=True).items()}
    keys: dict[str, dict[str, np.ndarray]] = {name: {} for name in method.spaces}
    for key in method.spaces:
        for name, rows in method.key_encoder(batch["views"][key], training=True).items():
            if name in keys:
                keys[name][key] = references.in_query_order(np.array(rows), np.array(batch["order"]))
    return queries, keys


def twin_losses(method, batch) -> dict[str, np.ndarray]:
    """L_i of every image with the method's present weights and queues."""
    spaces = method.spaces.values()
    return references.looc_losses(
        *embeddings(method, batch),
        {space.name: space.shares for space in spaces},
        {space.name: np.array(space.queue) for space in spaces},
        {space.name: space.temperature for space in spaces},
    )


def losses_equal_the_twin(method, batch) -> None:
    """What a step logs is the twin's loss on the weights and queues of before it; so no key meets itself in a queue."""
    expected = twin_losses(method, batch)
    logs = contract.step(method, batch)
    for name, losses in expected.items():
        np.testing.assert_allclose(logs[f"{name}/loss"], losses.mean(), rtol=2e-5, err_msg=name)
    np.testing.assert_allclose(logs["loss"], np.mean(list(expected.values())), rtol=2e-5)


def number_of_logits(method, batch) -> None:
    """With one embedding for everything the loss of a space is log(1 + S + K), which counts what it contrasts."""
    same = {name: tf.zeros_like(images) for name, images in batch["views"].items()}
    vectors = method.encoder(same["query"], training=True)
    for name, space in method.spaces.items():
        space.queue.assign(tf.repeat(vectors[name][:1], space.queue.shape[0], axis=0))
    logs = contract.step(method, {**batch, "views": same})
    for name, space in method.spaces.items():
        others = [key for key in method.spaces.values() if references.is_sibling_negative(space.shares, key.shares)]
        count = 1 + len(others) + space.queue.shape[0]
        np.testing.assert_allclose(logs[f"{name}/loss"], np.log(count), rtol=1e-4, err_msg=f"{name}: {count} logits")


def guessing_costs_what_is_said(method, batch) -> None:
    """Of heads that say nothing each loss is that of guessing, which counts what a space chooses among."""
    for encoder in method.encoders().values():
        for head in encoder.heads.values():
            for each in head.get_layer("out").weights:
                each.assign(tf.zeros_like(each))
    with mock.patch.object(type(method), "beside", lambda *given: None, create=True):
        losses, _ = method.compare(batch, method.targets(batch))
    for name, expected in method.chance().items():
        each = np.full(len(losses[name]), expected)
        if (bank := getattr(method, "banks", {}).get(name)) and bank.kind == "info_nce":
            drawn = bank.bank.drawn(bank.negatives, method.optimizer.iterations).numpy()
            among = [np.sum(drawn == picture) for picture in batch["picture"].numpy()]  # of those drawn, no negatives
            assert max(among) > 0
            each = np.log1p(bank.negatives - np.array(among))
        np.testing.assert_allclose(losses[name], each, rtol=1e-5, err_msg=name)


def what_is_frozen_does_not_move(case) -> None:
    """What is kept as it is at first does not move a bit, by weight decay neither; all else moves, and then it too."""
    from looc_tf.methods import Facts

    method = contract.build(case, decay=0.1, facts=Facts(classes=contract.CLASSES, steps=100, epoch=2))
    held = method.undecayed() or method.encoder.variables
    others = [each for each in method.trained_variables() if id(each) not in {id(kept) for kept in held}]
    for seed in range(3):
        before, free = contract.arrays(held), contract.arrays(others)
        contract.step(method, contract.make_batch(case, seed))
        awake = seed == 2 and bool(method.undecayed())
        assert all(np.array_equal(a, b) != awake for a, b in zip(before, held)), f"step {seed}"
        assert not any(np.array_equal(a, b) for a, b in zip(free, others)), f"step {seed}"


def current_keys_are_no_negatives(method, batches) -> None:
    """None of the rows that a space contrasts with from its queue is a key of the batch at hand."""

    contrast, met = embedding_space.contrast, []

    def watched(query, positive, siblings, negatives, temperature):
        met.append(float(tf.reduce_max(tf.matmul(negatives, positive, transpose_b=True))))
        return contrast(query, positive, siblings, negatives, temperature)

    with mock.patch.object(embedding_space, "contrast", watched):
        for batch in batches:
            contract.step(method, batch)
    assert len(met) == len(batches) * len(method.spaces)
    assert max(met) < 1 - 1e-6, "a key of this batch was in the queue already"


def queue_holds_momentum_keys(method, batches) -> None:
    """After each step the queue has lost its oldest rows for this batch's momentum keys, which have unit length."""
    twins = {name: references.Fifo(np.array(space.queue)) for name, space in method.spaces.items()}
    for batch in batches:
        _, keys = embeddings(method, batch)
        contract.step(method, batch)
        for name, space in method.spaces.items():
            twins[name].push(keys[name][name])
            np.testing.assert_allclose(space.queue, twins[name].rows, atol=1e-5, err_msg=name)
            np.testing.assert_allclose(np.linalg.norm(space.queue, axis=1), 1, atol=1e-5)


def keys_follow_in_closed_form(method, batches) -> None:
    """Every parameter of the key encoder is the running mean of the query's, whatever happened in between."""
    expected = [np.float64(value) for value in contract.arrays(method.key_encoder.trainable_variables)]
    for batch in batches:
        contract.step(method, batch)
        quick = contract.arrays(method.encoder.trainable_variables)
        expected = [method.momentum * slow + (1 - method.momentum) * new for slow, new in zip(expected, quick)]
    for slow, value in zip(method.key_encoder.trainable_variables, expected):
        np.testing.assert_allclose(slow, value, rtol=1e-5, atol=1e-7, err_msg=slow.name)


def key_statistics_are_its_own(method, batch) -> None:
    """The key encoder's BatchNorm runs in training mode: a step moves its statistics, and not toward the query's."""
    before = contract.arrays(method.key_encoder.non_trainable_variables)
    contract.step(method, batch)
    after = contract.arrays(method.key_encoder.non_trainable_variables)
    query = contract.arrays(method.encoder.non_trainable_variables)
    assert before, "the key encoder has no statistics"
    for old, new, other in zip(before, after, query):
        assert not np.allclose(old, new) and not np.allclose(new, other, rtol=1e-6)


def evaluation_changes_nothing(method, images) -> None:
    """`call` without `training` embeds each image on its own and leaves all state as it is."""
    before = contract.arrays(method.variables)
    together = method(images)
    alone = method(images[:1])
    predicted = method.predict(images, verbose=0)
    for act in (method.test_step, lambda data: method.evaluate(data, verbose=0)):
        try:
            act({"views": {"query": images}})
        except NotImplementedError:
            pass
        else:
            raise AssertionError("Keras's evaluate would have to leave queues and key encoder alone")
    assert contract.same_bits(before, contract.arrays(method.variables))
    for name, vectors in predicted.items():
        np.testing.assert_allclose(vectors, together[name], atol=1e-5, err_msg=name)
    for name, vectors in together.items():
        np.testing.assert_allclose(vectors[:1], alone[name], atol=1e-5, err_msg=name)


def no_gradient_reaches_keys_or_queues(method, batch) -> None:
    """Even with the targets inside the tape nothing but the query encoder gets a gradient."""
    queues = [space.queue for space in method.spaces.values()]
    views = [batch["views"][name] for name in method.spaces]
    with tf.GradientTape() as tape:
        tape.watch([*queues, *views])
        losses, _ = method.compare(batch, method.targets(batch))
        loss = tf.add_n([tf.reduce_sum(each) for each in losses.values()])
    keys = method.key_encoder.trainable_variables
    for what in tape.gradient(loss, [keys, views]):
        assert all(gradient is None for gradient in what)
    assert not {id(variable) for variable in [*keys, *queues]} & {
        id(variable) for variable in method.trained_variables()
    }


def head_gets_gradient_from_its_own_loss(method, batch) -> None:
    """The head (and the branch) of a space learns from that space's loss alone."""
    targets = method.targets(batch)
    with tf.GradientTape(persistent=True) as tape:
        losses, _ = method.compare(batch, targets)
        sums = {name: tf.reduce_sum(loss) for name, loss in losses.items()}
    own = {name: list(method.encoder.heads[name].trainable_variables) for name in method.spaces}
    for name, stage in method.encoder.stages.items():
        own[name] += stage.trainable_variables
    for name, loss in sums.items():
        for owner, gradients in tape.gradient(loss, own).items():
            reached = [gradient is not None and float(tf.norm(gradient)) > 0 for gradient in gradients]
            assert any(reached) == (owner == name), f"loss of {name}, head of {owner}: {reached}"


def checkpoint_holds_all_state(method, batches, path) -> None:
    """Saved, overwritten with other numbers and restored, a method takes the very step it would have taken."""
    from looc_tf.run.state import checkpoint

    contract.step(method, batches[0])
    saved = checkpoint(method)
    written = saved.write(str(path))
    expected = contract.step(method, batches[1]), contract.state(method)
    for variable in [*method.variables, *method.optimizer.variables]:
        variable.assign(variable + tf.ones_like(variable))
    saved.read(written).assert_consumed()
    assert contract.step(method, batches[1]) == expected[0]
    assert contract.same_bits(contract.state(method), expected[1])


def graph_equals_eager(rewound, batches, **options) -> None:
    """The same steps, run operation by operation and as one graph; `jit_compile=True` has XLA compile it."""
    method = rewound.rewind()
    eager = [contract.step(method, batch) for batch in batches], contract.state(method)
    method = rewound.rewind()
    graph_step = tf.function(method.train_step, reduce_retracing=True, **options)
    for batch, expected in zip(batches, eager[0]):
        method.reset_metrics()
        logs = graph_step(batch)
        for name, value in expected.items():
            np.testing.assert_allclose(logs[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
    for in_graph, expected in zip(contract.state(method), eager[1]):
        np.testing.assert_allclose(in_graph, expected, rtol=1e-3, atol=1e-4)


def a_step_lowers_the_loss(method, batch) -> None:
    """With keys, queues and centers held still, the loss on the batch of the step falls."""

    def loss() -> float:
        losses, _ = method.compare(batch, targets)
        return float(tf.reduce_mean(tf.add_n(list(losses.values()))))

    targets = method.targets(batch)
    spaces = getattr(method, "spaces", {}).values()
    if any(isinstance(space, Predicted) for space in spaces) and not targets:  # keys by the network that learns
        targets = {view: method.encoder(images, training=True, raw=True) for view, images in batch["views"].items()}
    memory = [
        (each, each.numpy()) for space in spaces for each in space.non_trainable_variables if "norm" not in each.name
    ]
    first = loss()
    contract.step(method, batch)
    for variable, value in memory:
        variable.assign(value)
    assert loss() < first
