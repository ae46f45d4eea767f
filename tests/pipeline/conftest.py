"""One run of the whole pipeline on little pictures, made once for all tests that look at what it left."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # tiny.py

# Whatever a folder is called: of a root, but for what is refused (test_roots.py), and of pictures.
ROOT = "root für 100% a:b#{c} $x;'&\""
PICTURES = f"lr[0.1] back\\slash *? {ROOT}"


@dataclass
class Made:
    """The root of a run, its pictures, its experiment, and what it said."""

    root: Path
    pictures: Path
    experiment: object
    done: object

    def again(self, *overrides, **options):
        """Another run under the same root; returns what it says and {step: state}."""
        from helpers import tiny

        from pipeline.metadata import history
        from pipeline.runners.local import run_locally

        done = run_locally(tiny.experiment(self.pictures, *overrides), str(self.pictures), self.root, **options)
        *_, last = history.runs(history.open_store(self.root))
        return done, {step.name: step.state for step in last.steps}

    def artifact(self, kind):
        """The newest artifact of a type, as a path."""
        from pipeline.metadata import history

        store = history.open_store(self.root)
        return Path(max(store.get_artifacts_by_type(kind), key=lambda one: one.id).uri)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    pytest.importorskip("tfx", reason="needs TFX: make setup-pipeline")
    from helpers import tiny

    from pipeline.runners.local import run_locally

    folder = tmp_path_factory.mktemp("pipeline")
    pictures, root = tiny.draw(folder / PICTURES), folder / ROOT
    (pictures / "disc" / "broken.png").write_bytes(b"no picture")
    experiment = tiny.experiment(pictures)
    done = run_locally(experiment, str(pictures), root)
    return Made(root, pictures, experiment, done)
