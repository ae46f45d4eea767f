"""Bugs that self-supervised libraries have shipped, planted on purpose: each makes a named check of the table fail."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import tensorflow as tf

from helpers import conformance
from looc_tf.memory import EmbeddingSpace
from looc_tf.methods import LooC, Method
from looc_tf.methods.pairs import Pairs
from looc_tf.models import Encoder, follow
from looc_tf.objectives import Distilled, Predicted

patch = mock.patch.object


@dataclass(frozen=True)
class Bug:
    """A bug and the check that must see it.

    Attributes:
        says: what is wrong, as the table has it.
        check: its name in `conformance.CHECKS`.
        planted: makes a context manager within which the library has the bug.
        run: runs the check, where that is more than calling it on a case.
        case: of `contract.CASES`.
    """

    says: str
    check: str
    planted: Callable[[], contextlib.AbstractContextManager]
    run: Callable[[str, Path], None] | None = None
    case: str = "looc_2"

    def survives(self) -> bool:
        """Whether the check passes although the bug is there."""
        run = self.run or conformance.CHECKS[self.check].run
        try:
            with tempfile.TemporaryDirectory() as folder, self.planted():
                run(self.case, Path(folder))
        except AssertionError:
            return False
        return True


def early(targets=LooC.targets):
    def enqueue_first(self, batch):
        keys = targets(self, batch)
        for name, space in self.spaces.items():
            space.commit(keys[name][name])
        return keys

    return patch(LooC, "targets", enqueue_first)


def queries_enqueued(compare=LooC.compare):
    def remember_queries(self, batch, targets):
        losses, _ = compare(self, batch, targets)
        queries = self.encoder(batch["views"]["query"], training=True)
        return losses, {name: tf.concat([queries[name]] * 2, axis=1) for name in self.spaces}

    return patch(LooC, "compare", remember_queries)


def forgotten_queue():
    def without(method, **more):
        parts = {"encoder": method.encoder, "key_encoder": method.key_encoder, "optimizer": method.optimizer}
        return tf.train.Checkpoint(**parts, **more)

    return mock.patch("looc_tf.run.state.checkpoint", without)


def frozen_keys(call=Encoder.call):
    def frozen(self, images, training=False, heads=None):
        return call(self, images, training=training and self.name != "key_encoder", heads=heads)

    return patch(Encoder, "call", frozen)


def unscaled():
    return patch(Method, "_scales_loss", False)


def unscaled_once(learn=Method._learn):
    """The loss is not scaled, and its gradients are unscaled nevertheless."""

    def plain(self, batch, targets):
        with patch(type(self), "_scales_loss", False):
            return learn(self, batch, targets)

    return patch(Method, "_learn", plain)


def last_in_first_out(commit=EmbeddingSpace.commit):
    return patch(EmbeddingSpace, "commit", lambda self, keys: commit(self, keys[::-1]))


def siblings(of):
    """Gives every method other sibling negatives than the rule does."""

    def planted(targets=LooC.targets):
        def wrong(self, batch):
            self.negatives = of(self)
            return targets(self, batch)

        return patch(LooC, "targets", wrong)

    return planted


def none_of(method):
    return dict.fromkeys(method.spaces, ())


def all_of(method):
    return {name: tuple(other for other in method.spaces if other != name) for name in method.spaces}


def keys_left_shuffled():
    return patch(tf, "argsort", lambda order: tf.range(tf.shape(order)[0]))


def reversed_average():
    return mock.patch("looc_tf.methods.looc.follow", lambda slow, quick, momentum: follow(slow, quick, 1 - momentum))


def raw_rows_scaled(call=Encoder.call):
    """What a predictor is given has length 1."""
    return patch(Encoder, "call", lambda self, images, raw=False, **more: call(self, images, **more))


def gradient_into_the_key(call=Predicted.call):
    """The gradient is stopped on the side of the predictor."""

    def planted(self, quick, slow, *more):
        with patch(tf, "stop_gradient", tf.identity):
            return call(self, {name: tf.raw_ops.StopGradient(input=rows) for name, rows in quick.items()}, slow, *more)

    return patch(Predicted, "call", planted)


def centred_center(commit=Distilled.commit):
    return patch(Distilled, "commit", lambda self, rows: commit(self, rows - self.center.value))


def head_without_training(call=Encoder.call):
    """`training` does not reach the heads."""

    def planted(self, images, training=False, heads=None, raw=False):
        kept, inner = self.heads, {}
        for name, head in kept.items():
            inner[name] = lambda rows, training=False, head=head: head(rows, training=False)
        with patch(self, "_self_setattr_tracking", False):
            self.heads = inner
            try:
                return call(self, images, training=training, heads=heads, raw=raw)
            finally:
                self.heads = kept

    return patch(Encoder, "call", planted)


def late_clock(momentum=Pairs._momentum):
    """The momentum is that of the step after."""

    def planted(self):
        with patch(self, "facts", replace(self.facts, steps=self.facts.steps)):
            iterations = self.optimizer.iterations
            iterations.assign_add(1)
            found = momentum(self)
            iterations.assign_sub(1)
            return found

    return patch(Pairs, "_momentum", planted)


BUGS = [
    Bug("unit rows before the predictor", "paper", raw_rows_scaled, case="byol"),
    Bug("the gradient is stopped on the wrong side", "paper", gradient_into_the_key, case="simsiam"),
    Bug("the center takes logits that were centred", "paper", centred_center, case="dino_pair"),
    Bug("`training` does not reach the heads", "moving", head_without_training, case="byol"),
    Bug("the clock of the moving average is one step ahead", "paper", late_clock, case="byol"),
    Bug(
        "Sinkhorn on each replica alone", "replicas", contextlib.nullcontext,
        run=functools.partial(conformance.two_replicas, bug="sinkhorn"), case="swav_pair",
    ),
    Bug(
        "a center on each replica alone", "replicas", contextlib.nullcontext,
        run=functools.partial(conformance.two_replicas, bug="center"), case="dino_pair",
    ),
    Bug("keys enter the queue before the loss", "negatives", early),
    Bug("the same", "losses", early),
    Bug("queries enter the queue", "queue", queries_enqueued),
    Bug("the queue is left out of the checkpoint", "reload", forgotten_queue),
    Bug(
        "the loss is summed over replicas", "replicas", contextlib.nullcontext,
        run=functools.partial(conformance.two_replicas, bug="summed"), case="moco",
    ),
    Bug("the loss is not scaled in mixed_float16", "scaling", unscaled, case="looc_1"),
    Bug("gradients are unscaled, and the loss was not scaled", "precision", unscaled_once, case="looc_1"),
    Bug("the key encoder's BatchNorm is frozen", "statistics", frozen_keys),
    Bug("keys are left in their shuffled order", "losses", keys_left_shuffled),
    Bug("the moving average is reversed", "ema", reversed_average),
    Bug("a batch of keys enters in reversed order", "queue", last_in_first_out),
    Bug("no sibling negatives", "logits", siblings(none_of)),
    Bug("the same", "losses", siblings(none_of)),
    Bug("siblings as negatives of the space that shares nothing", "logits", siblings(all_of)),
]  # fmt: skip
SLOW = ("replicas",)


def verdict(bug: Bug) -> str:
    """What the table says of it."""
    return "NOT CAUGHT" if bug.survives() else conformance.CHECKS[bug.check].says
