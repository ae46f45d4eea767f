"""What `methods.build` refuses, in one line that says what to do."""

from dataclasses import replace

import pytest
import tensorflow as tf
from helpers import contract

from looc_tf import methods
from looc_tf.config import Experiment
from looc_tf.errors import UserError

MOCO = contract.CASES["moco"]
ALONE = replace(MOCO, method=replace(MOCO.method, key_batch_norm="plain"))
MOBILE = replace(MOCO, model=replace(MOCO.model, backbone="keras/MobileNetV2"))


@pytest.mark.parametrize(
    "case, message",
    [
        (replace(MOCO, method=replace(MOCO.method, name="loco")), "Did you mean 'looc'?"),
        (contract.CASES["supervised"], "needs labels"),
        (replace(MOCO, model=replace(MOCO.model, backbone="resnet81")), "Did you mean 'resnet18'?"),
        (replace(ALONE, model=replace(MOCO.model, backbone="keras/MobileNetV8")), "Did you mean 'MobileNetV"),
        (replace(MOCO, model=replace(MOCO.model, stem="imagnet")), "Did you mean 'imagenet'?"),
        (replace(MOCO, model=replace(MOCO.model, head="mpl")), "Did you mean 'mlp'?"),
        (replace(MOCO, model=replace(MOCO.model, batch_norm="synced")), "Did you mean 'sync'?"),
        (MOBILE, "set it to .shuffled."),
        (
            replace(MOBILE, method=replace(MOCO.method, key_batch_norm="plain", branch_per_space=True)),
            "branch per space",
        ),
        (
            replace(
                MOBILE,
                model=replace(MOBILE.model, batch_norm="sync"),
                method=replace(MOCO.method, key_batch_norm="plain"),
            ),
            "set it to 'plain'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_go_together_is_refused(case, message):
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        methods.build(case)


def test_settings_that_are_missing_are_named():
    with pytest.raises(UserError, match=r"LooC.Settings\(\.\.\.\)\. Received Method\. Give them as Experiment"):
        methods.build(Experiment())


def test_a_loss_that_needs_the_whole_batch_is_not_built_for_parts():
    case = contract.CASES["simclr"]
    with pytest.raises(UserError, match="needs the whole batch at once"):
        methods.build(replace(case, training=replace(case.training, accumulate=2)))


def test_a_new_space_leaves_the_queues_of_the_others_as_they_were():
    two, three = (contract.rewound(name).rewind() for name in ("looc_1", "looc_2"))
    assert contract.same_bits(
        contract.arrays(two.spaces["color"].variables), contract.arrays(three.spaces["color"].variables)
    )
    queues = contract.arrays(space.queue for space in three.spaces.values())
    assert not contract.same_bits(queues[:1], queues[1:2]), "each space has its own random rows"


@pytest.mark.parametrize("verb", ["targets", "compare", "commit", "train_step"])
@pytest.mark.parametrize("name", ["looc_2", "supervised"])
def test_autograph_reads_every_verb(name, verb):
    """What it cannot read it runs as it is, with three lines of warning on the user's screen."""
    method = contract.rewound(name).rewind()
    tf.autograph.to_graph(getattr(type(method), verb))
