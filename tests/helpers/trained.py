"""What a training leaves on disk, as numbers that two runs can be compared in: checkpoints, history, TensorBoard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

CLOCK = "images_per_second"  # the one measure that no two runs share


def tensors(prefix: Path) -> dict[str, np.ndarray]:
    """Every tensor of a checkpoint: weights, key encoder, queues, optimizer, running means, and what it says of itself.

    Left out is the graph of objects, whose order of equal parts is TensorFlow's own affair.
    """
    reader = tf.train.load_checkpoint(str(prefix))
    names = [name for name in reader.get_variable_to_shape_map() if not name.startswith("_CHECKPOINTABLE")]
    return {name: reader.get_tensor(name) for name in names}


def checkpoints(out: Path) -> list[str]:
    """Names of the complete checkpoints of a run."""
    return sorted(path.stem for path in (out / "checkpoints").glob("*.index"))


def scalars(out: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a run: measure -> (step, value)."""
    from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

    board = EventAccumulator(str(out / "logs"), size_guidance={"tensors": 0}).Reload()
    return {
        name: [(point.step, tf.make_ndarray(point.tensor_proto).item()) for point in board.Tensors(name)]
        for name in board.Tags()["tensors"]
        if name != CLOCK
    }


def assert_same_end(out: Path, other: Path, step: int) -> int:
    """Equal to the bit: last and best checkpoint, history.csv, TensorBoard's points. Returns how many tensors."""
    ends = [f"ckpt-{step}", *(name for name in checkpoints(other) if name.startswith("best"))]
    assert [name for name in checkpoints(out) if name in ends or name.startswith("best")] == sorted(ends)
    count = 0
    for end in ends:
        mine, its = (tensors(run / "checkpoints" / end) for run in (out, other))
        assert mine.keys() == its.keys()
        assert any("queue" in name for name in mine) and any("optimizer" in name for name in mine)
        assert any("key_encoder" in name for name in mine)
        for name, value in mine.items():
            np.testing.assert_array_equal(value, its[name], err_msg=f"{end}: {name}")
        count += len(mine)
    assert (out / "history.csv").read_bytes() == (other / "history.csv").read_bytes()
    assert scalars(out) == scalars(other)
    return count
