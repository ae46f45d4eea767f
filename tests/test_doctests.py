"""The examples in docstrings hold: each module that has some is found by its text, imported, and its examples run."""

import doctest
import importlib
from pathlib import Path

import pytest

import looc_tf

PROJECT = Path(__file__).parents[1]
PROMPT = ">>> "


def with_examples():
    """{module: number of lines with a prompt}."""
    for package in ("looc_tf", "pipeline"):
        for path in sorted((PROJECT / package).rglob("*.py")):
            prompts = sum(line.strip().startswith(PROMPT) for line in path.read_text(encoding="utf8").splitlines())
            if prompts:
                yield ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"), prompts


@pytest.mark.parametrize(("name", "prompts"), list(with_examples()))
def test_examples_hold(name, prompts, tmp_path, monkeypatch):
    if name.startswith("pipeline"):
        pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    if name == "looc_tf.data":
        module.open_source("factors", "test", size=64)  # TFDS tells of it where it has not been made yet
    found = doctest.DocTestFinder(exclude_empty=True).find(module)
    assert sum(len(test.examples) for test in found) == prompts, "an example where doctest does not look"
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in found:
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("name", [name for name in looc_tf.__all__ if name != "__version__"])
def test_every_public_name_has_an_example_that_is_run(name):
    """A room in the text of its module, everything else in its own, not that of a class above it."""
    text = getattr(looc_tf, name).__doc__
    assert PROMPT in text and "+SKIP" not in text
