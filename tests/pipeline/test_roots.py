"""The root of a pipeline: what its steps could not find again is refused before anything is done."""

from pathlib import Path

import pytest

pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")

from looc_tf.errors import UserError
from pipeline.runners.local import run_locally


@pytest.mark.parametrize("name", ["lr[0.1]", "a*b", "what?", "back\\slash", "a\nb"])
def test_a_root_that_is_a_pattern_is_refused_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for root in (Path(name), tmp_path / name, Path(name, "runs")):
        with pytest.raises(UserError, match=r"^Expected a root without .* in its path.*Choose another --root\.$"):
            run_locally(None, "factors", root)
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_fails_in_a_graph_names_the_cause_and_not_the_place(tmp_path):
    import tensorflow as tf

    from pipeline.runners.local_dag_runner import LocalRunner

    frames = "".join(f'  File "/usr/lib/python/{number:03}.py", line 7, in call\n\n' for number in range(40))
    text = f"Graph execution error:\n\nDetected at node X defined at (most recent call last):\n{frames}\nToo wide\n"
    error = LocalRunner(tmp_path)._failure("Pretrain", tf.errors.InvalidArgumentError(None, None, text))
    assert str(error).startswith("Step Pretrain failed: InvalidArgumentError: Too wide. The whole trace is in")
