"""Bugs that self-supervised libraries have shipped, planted on purpose: each makes a named check of the table fail."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import tensorflow as tf
from tensorflow import keras

from helpers import conformance, contract
from looc_tf import losses
from looc_tf.memory import EmbeddingSpace
from looc_tf.methods import LooC, Method
from looc_tf.methods.pairs import Pairs
from looc_tf.models import Encoder, follow
from looc_tf.objectives import Distilled, InBatch, Predicted

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


def unscaled_once(learn=Method.learn):
    """The loss is not scaled, and its gradients are unscaled nevertheless."""

    def plain(self, batch, targets):
        with patch(type(self), "_scales_loss", False):
            return learn(self, batch, targets)

    return patch(Method, "learn", plain)


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


@tf.custom_gradient
def held(rows):
    """As they are, with a gradient of 0 where `stop_gradient` would give none."""
    return tf.identity(rows), tf.zeros_like


def gradient_into_the_key(call=Predicted.call):
    """The gradient is stopped on the side of the predictor."""

    def planted(self, quick, slow, *more):
        with patch(tf, "stop_gradient", tf.identity):
            return call(self, {name: held(rows) for name, rows in quick.items()}, slow, *more)

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
        self.optimizer.iterations.assign_add(1)
        found = momentum(self)
        self.optimizer.iterations.assign_sub(1)
        return found

    return patch(Pairs, "_momentum", planted)


def siblings_everywhere(call=InBatch.call):
    """The picture's other keys are negatives in every space, `all` included."""

    def planted(self, quick, slow, meets, siblings, step):
        others = [view for view in quick if view not in {each for pair in meets for each in pair}]
        return call(self, quick, slow, meets, others, step)

    def all_read(self, view, slow=False):
        return list(self.spaces)

    both = contextlib.ExitStack()
    both.enter_context(patch(InBatch, "call", planted))
    both.enter_context(patch(Pairs, "_readers", all_read))
    return both


def long_prototypes():
    """Nothing scales the prototypes anew after a step."""
    return mock.patch("looc_tf.objectives.clustered.unit_columns", tf.identity)


def last_layer_left_behind():
    return patch(Distilled, "followers", lambda self: [])


def batch_before_queue(sinkhorn=losses.sinkhorn):
    """The batch stands before the rows of earlier ones, whose codes are taken for its own."""
    return mock.patch(
        "looc_tf.objectives.clustered.sinkhorn",
        lambda scores, epsilon: sinkhorn(tf.roll(scores, contract.BATCH, axis=0), epsilon),
    )


def decayed_prototypes():
    return patch(Pairs, "compile", lambda self, *given, **options: keras.Model.compile(self, *given, **options))


def prototypes_awake():
    return patch(Pairs, "steer", lambda self, gradients: gradients)


def forgotten_spaces():
    """Center, prototypes and predictors stay out of the checkpoint."""

    def without(method, **more):
        return tf.train.Checkpoint(**method.encoders(), optimizer=method.optimizer, **more)

    return mock.patch("looc_tf.run.state.checkpoint", without)


def on_two(bug):
    """The check of two replicas, of which each does something alone: a key of `replicas.BUGS`."""
    return {"planted": contextlib.nullcontext, "run": functools.partial(conformance.two_replicas, bug=bug)}


BUGS = [
    Bug("unit rows before the predictor", "paper", raw_rows_scaled, case="byol"),
    Bug("the gradient is stopped on the wrong side of SimSiam", "paper", gradient_into_the_key, case="simsiam"),
    Bug("the gradient is stopped on the wrong side of BYOL", "paper", gradient_into_the_key, case="byol"),
    Bug("the center takes logits that were centred", "paper", centred_center, case="dino_pair"),
    Bug("the teacher's last layer does not follow", "paper", last_layer_left_behind, case="dino_pair"),
    Bug("`training` does not reach the heads", "moving", head_without_training, case="byol"),
    Bug("the clock of the moving average is one step ahead", "paper", late_clock, case="byol"),
    Bug("prototypes are not scaled to length 1 after a step", "paper", long_prototypes, case="swav_pair"),
    Bug("the batch stands before the queue in Sinkhorn's matrix", "paper", batch_before_queue, case="swav"),
    Bug("weight decay moves prototypes that are frozen", "frozen", decayed_prototypes, case="swav"),
    Bug("gradients move a last layer that is frozen", "frozen", prototypes_awake, case="dino"),
    Bug("own siblings are negatives in the space `all`", "chance", siblings_everywhere, case="simclr_looc"),
    Bug("center and prototypes are left out of the checkpoint", "reload", forgotten_spaces, case="dino_looc"),
    Bug("Sinkhorn on each replica alone", "replicas", **on_two("sinkhorn"), case="swav_pair"),
    Bug("a center on each replica alone", "replicas", **on_two("center"), case="dino_pair"),
    Bug("NT-Xent on each replica alone", "replicas", **on_two("nt_xent"), case="simclr"),
    Bug("keys enter the queue before the loss", "negatives", early),
    Bug("the same", "losses", early),
    Bug("queries enter the queue", "queue", queries_enqueued),
    Bug("the queue is left out of the checkpoint", "reload", forgotten_queue),
    Bug("the loss is summed over replicas", "replicas", **on_two("summed"), case="moco"),
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
