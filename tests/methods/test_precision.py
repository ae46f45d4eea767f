"""What mixed precision leaves as it was, and what its loss scale does; how far a step moves is in the table."""

import checks
import contract
import tensorflow as tf


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
