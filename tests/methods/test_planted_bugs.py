"""The checks are checked: each bug, planted on purpose, makes one of them fail."""

import dataclasses

import checks
import contract
import pytest
import tensorflow as tf

from looc_tf import spaces
from looc_tf.methods import LooC
from looc_tf.models import Encoder, follow
from looc_tf.views import ViewPlan, leave_one_out


@pytest.fixture
def method():
    return contract.rewound("looc_2").rewind()


@pytest.fixture
def batch():
    return contract.make_batch(contract.CASES["looc_2"])


def caught(check, *arguments):
    with pytest.raises(AssertionError):
        check(*arguments)


def inverted(chain, of):
    """The misreading "shares all but its own": what is shared and what is drawn apart trade places."""
    right = leave_one_out(chain, of)

    def invert(view):
        own = max(1, *view.draws)
        return dataclasses.replace(view, draws=tuple(own if draw == 0 else 0 for draw in view.draws))

    return ViewPlan(chain, [right.views[0], right.views[1], *(invert(view) for view in right.views[2:])], of)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_inverted_view_rule_is_caught(n):
    caught(checks.view_rule, inverted, contract.SPACES[: n + 1])


@pytest.mark.parametrize("check", [checks.losses_equal_the_twin, checks.number_of_logits])
def test_missing_sibling_negatives_are_caught(check, method, batch, monkeypatch):
    monkeypatch.setattr(method, "negatives", dict.fromkeys(method.spaces, ()))
    caught(check, method, batch)


def test_siblings_as_negatives_of_the_space_that_shares_nothing_are_caught(method, batch, monkeypatch):
    everyone = {name: tuple(other for other in method.spaces if other != name) for name in method.spaces}
    monkeypatch.setattr(method, "negatives", everyone)
    caught(checks.losses_equal_the_twin, method, batch)
    caught(checks.number_of_logits, method, batch)


def test_keys_that_enter_the_queue_before_the_loss_are_caught(method, batch, monkeypatch):
    targets = LooC.targets

    def early(self, batch):
        keys = targets(self, batch)
        for name, space in self.spaces.items():
            space.commit(keys[name][name])
        return keys

    monkeypatch.setattr(LooC, "targets", early)
    caught(checks.losses_equal_the_twin, method, batch)


def test_enqueued_queries_are_caught(method, batch, monkeypatch):
    compare = LooC.compare

    def remember_queries(self, batch, targets):
        losses, _ = compare(self, batch, targets)
        queries = self.encoder(batch["views"]["query"], training=True)
        return losses, {name: tf.concat([queries[name]] * 2, axis=1) for name in self.spaces}

    monkeypatch.setattr(LooC, "compare", remember_queries)
    caught(checks.queue_holds_momentum_keys, method, [batch])


def test_keys_left_in_their_shuffled_order_are_caught(method, batch, monkeypatch):
    monkeypatch.setattr(tf, "argsort", lambda order: tf.range(tf.shape(order)[0]))
    caught(checks.losses_equal_the_twin, method, batch)


def test_frozen_statistics_of_the_key_encoder_are_caught(method, batch, monkeypatch):
    call = Encoder.call

    def frozen(self, images, training=False, heads=None):
        return call(self, images, training=training and self.name != "key_encoder", heads=heads)

    monkeypatch.setattr(Encoder, "call", frozen)
    caught(checks.key_statistics_are_its_own, method, batch)


def test_a_queue_left_out_of_the_checkpoint_is_caught(method, batch, tmp_path, monkeypatch):
    monkeypatch.setattr("looc_tf.state.checkpoint", lambda m: tf.train.Checkpoint(a=m.encoder, b=m.key_encoder))
    caught(checks.checkpoint_holds_all_state, method, [batch, batch], tmp_path / "saved")


def test_a_reversed_moving_average_is_caught(method, batch, monkeypatch):
    monkeypatch.setattr("looc_tf.methods.looc.follow", lambda slow, quick, momentum: follow(slow, quick, 1 - momentum))
    caught(checks.keys_follow_in_closed_form, method, [batch])


def test_an_order_of_rows_that_is_last_in_first_out_is_caught(method, monkeypatch):
    commit = spaces.EmbeddingSpace.commit
    monkeypatch.setattr(spaces.EmbeddingSpace, "commit", lambda self, keys: commit(self, keys[::-1]))
    batches = [contract.make_batch(contract.CASES["looc_2"], seed) for seed in range(2)]
    caught(checks.queue_holds_momentum_keys, method, batches)
