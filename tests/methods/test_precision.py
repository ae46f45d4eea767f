"""A step in 16 bits moves the weights about as far, and about in the same direction, as one in 32."""

import checks
import contract
import numpy as np
import pytest
import tensorflow as tf


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", contract.CASES)
def test_a_mixed_precision_step_moves_the_weights_as_float32_does(name, precision):
    case = contract.CASES[name]
    batch = contract.make_batch(case, pixels=32)  # enough pixels that rounding averages out in BatchNorm
    exact = checks.movement(contract.rewound(name).rewind(), batch)
    method = contract.build(case, precision)
    rounded = checks.movement(method, batch)
    assert np.linalg.norm(rounded) == pytest.approx(np.linalg.norm(exact), rel=0.1)
    assert exact @ rounded > 0.95 * np.linalg.norm(exact) * np.linalg.norm(rounded)
    assert all(variable.dtype != tf.float16 and variable.dtype != tf.bfloat16 for variable in method.variables)


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
    weights = contract.arrays(method.learned())
    contract.step(method, overflowing)
    assert float(method.optimizer.loss_scale) == before / 2, "gradients that are not finite halve the scale"
    assert contract.same_bits(contract.arrays(method.learned()), weights), "and move nothing"
