"""What mixed precision leaves as it was, what its loss scale does, and runs; how far a step moves is in the table."""

import csv
import functools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import checks, contract, tiny

from looc_tf import methods
from looc_tf.errors import UserError
from looc_tf.training import train

BFLOAT = "mixed_bfloat16"


def test_the_global_policy_is_left_as_it_was():
    contract.build(contract.CASES["supervised"], "mixed_bfloat16")
    assert tf.keras.mixed_precision.global_policy().name == "float32"


def test_the_loss_scale_is_part_of_a_checkpoint(tmp_path):
    case = contract.CASES["moco"]
    method = contract.build(case, "mixed_float16")
    checks.checkpoint_holds_all_state(
        method, [contract.make_batch(case, seed) for seed in range(2)], tmp_path / "saved"
    )
    before = float(method.optimizer.loss_scale)
    overflowing = contract.make_batch(case)
    overflowing["views"]["query"] = overflowing["views"]["query"] * float("inf")
    weights = contract.arrays(method.trained_variables())
    contract.step(method, overflowing)
    assert float(method.optimizer.loss_scale) == before / 2, "gradients that are not finite halve the scale"
    assert contract.same_bits(contract.arrays(method.trained_variables()), weights), "and move nothing"


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
    """A function that trains a few steps and returns what history.csv has for the loss."""
    folder = tmp_path_factory.mktemp("runs")
    pictures = tiny.draw(folder / "pictures")

    @functools.cache
    def of(*overrides):
        name = "-".join(overrides) or "plain"
        train(tiny.experiment(pictures, "model.backbone=resnet10", *overrides), folder / name)
        with (folder / name / "history.csv").open() as file:
            return [float(row["loss"]) for row in csv.DictReader(file)]

    return of


@pytest.mark.parametrize("field", ["xla=true", "precision=mixed_float16", "precision=mixed_bfloat16"])
def test_a_run_compiled_or_in_mixed_precision_has_the_losses_of_a_plain_one(losses, field):
    np.testing.assert_allclose(losses(f"training.{field}"), losses(), rtol=2e-3 if "xla" in field else 0.1)


def test_keys_in_bfloat16_beside_queries_in_float32(tmp_path):
    """The weights of both are float32 and follow each other; losses differ by the rounding of keys alone."""
    case = replace(contract.CASES["looc_2"], method=replace(contract.CASES["looc_2"].method, key_precision=BFLOAT))
    method, plain = contract.build(case), contract.build(contract.CASES["looc_2"])
    layers = [encoder.shared.layers[-1] for encoder in (method.key_encoder, method.encoder)]
    assert [layer.compute_dtype for layer in layers] == ["bfloat16", "float32"]
    assert {weight.dtype for weight in method.key_encoder.weights} == {tf.float32}
    batches = [contract.make_batch(case, seed) for seed in range(2)]
    for batch in batches:
        mine, other = (contract.step(each, batch)["loss"] for each in (method, plain))
        assert mine != other
        np.testing.assert_allclose(mine, other, rtol=0.02)
    checks.checkpoint_holds_all_state(method, batches, tmp_path / "saved")


def test_a_precision_of_keys_that_cannot_be_is_refused():
    case = contract.CASES["looc_1"]
    with pytest.raises(UserError, match=r"method.key_precision.*bfloat"):
        methods.build(replace(case, method=replace(case.method, key_precision="bfloat16")))
    own = tf.keras.Sequential([tf.keras.layers.Conv2D(4, 3, input_shape=[None, None, 3])])
    asked = replace(case, method=replace(case.method, key_precision=BFLOAT, key_batch_norm="plain"))
    with pytest.raises(UserError, match=r"as it is.*key_precision"):
        methods.build(asked, backbone=own)
