"""What a change of code touches. Needs no TFX: imports are read, not carried out."""

import shutil

import pytest

from pipeline import fingerprint

STEPS = [f"pipeline.steps.{name}" for name in ("pictures", "pretrain", "fit_probes", "gate", "report")]


def names(module):
    return {path.relative_to(fingerprint._root()).as_posix() for path in fingerprint.reached(module)}


def test_a_step_covers_what_it_imports_directly_late_or_through_others():
    assert {"pipeline/steps/run_fn.py", "looc_tf/losses/info_nce.py", "looc_tf/data/named.py"} <= names(STEPS[1])
    assert "looc_tf/losses/info_nce.py" not in names(STEPS[0])
    assert "looc_tf/losses/info_nce.py" not in names(STEPS[3])  # it judges what a training has made
    assert {f"looc_tf/report/page.{kind}" for kind in ("html", "css", "js")} <= names(STEPS[4])
    assert not [name for name in set().union(*map(names, STEPS)) if name.startswith("looc_tf/cli/")]


def test_a_changed_line_changes_the_steps_that_reach_it_and_no_others(monkeypatch, tmp_path):
    before = [fingerprint.code_fingerprint(step) for step in STEPS]
    assert before == [fingerprint.code_fingerprint(step) for step in STEPS]
    for package in fingerprint.PACKAGES:
        shutil.copytree(fingerprint._root() / package, tmp_path / package)
    monkeypatch.setattr(fingerprint, "_root", lambda: tmp_path)
    assert [fingerprint.code_fingerprint(step) for step in STEPS] == before
    with (tmp_path / "looc_tf" / "losses" / "info_nce.py").open("a") as file:
        file.write("# changed\n")
    same = [one == other for one, other in zip(before, map(fingerprint.code_fingerprint, STEPS))]
    assert same[0] and not same[1]


def test_a_module_of_somebody_else():
    with pytest.raises(ValueError, match="Expected a module of"):
        fingerprint.code_fingerprint("numpy")
