"""The demo on little pictures: begun, interrupted, gone on with, done."""

import contextlib
import json
import os
import shutil
import signal

import pytest
from click.testing import CliRunner
from helpers import tiny

from looc_tf import experiments
from looc_tf.cli import cli
from looc_tf.errors import UserError
from looc_tf.report import demo as module
from looc_tf.report.demo import demo
from looc_tf.run import trained
from looc_tf.training import callbacks, fit

LITTLE = ("training.steps=2", "training.monitor_every=0", "training.log_every=1")
PROBES = ("evaluation.neighbors=[5]", "evaluation.strengths=[0.1]", "evaluation.probes=[object,rotation]")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tiny.draw(tmp_path_factory.mktemp("data") / "pictures")


@pytest.fixture(scope="module")
def little(pictures):
    """What is trained instead of the shipped configs; one of them keeps its random weights, which takes no time."""
    return {
        "looc": tiny.experiment(pictures, "name=little/looc", *LITTLE, *PROBES, "training.steps=0"),
        "moco": tiny.experiment(
            pictures, "name=little/moco", *LITTLE, *PROBES, "method.spaces=[{name: all, queue: 20}]"
        ),
    }


@pytest.fixture(scope="module")
def finished(little, tmp_path_factory):
    """A demo that was stopped in every part of its work and gone on with: what each call did, the last one's answer."""
    out, said = tmp_path_factory.mktemp("demo") / "out", []
    with pytest.MonkeyPatch.context() as patch:
        did = watch(patch)
        with stopping(patch, "training"):
            demo(out, experiments=little, tell=said.append)
        with stopping(patch, "write_page"):
            demo(out, experiments=little)
        did.append("last")
        done = demo(out, experiments=little)
    return done, did, said


def watch(patch):
    """The list to which each part of the work that is done is added."""
    did = []

    def watched(name, what):
        real = getattr(module, name)

        def call(*arguments, **options):
            did.append(what(*arguments, **options))
            return real(*arguments, **options)

        patch.setattr(module, name, call)

    watched("train", lambda experiment, path, resume: f"train {path.name}{' on' * resume}")
    watched("evaluate_run", lambda run, sources, page: f"evaluate {run.path.name}{' and its page' * page}")
    watched("export_run", lambda run, out: f"export {run.path.name}")
    watched("write_page", lambda *_: "page")
    return did


@contextlib.contextmanager
def stopping(patch, name):
    """Ctrl-C in the second training after its first step or, in place of a call, at another part of the work."""
    with patch.context() as inner:
        if name == "training":
            inner.setattr(fit, "standard_callbacks", with_signal)
        else:
            inner.setattr(module, name, interrupt)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            yield


def with_signal(run, source, facts):
    class Sender(callbacks.StepCallback):
        def on_step(self, step, logs):
            if step == 1 and run.path.name == "moco":
                os.kill(os.getpid(), signal.SIGINT)

    return [Sender(run.start, facts.steps), *callbacks.standard_callbacks(run, source, facts)]


def interrupt(*_):
    raise KeyboardInterrupt


def test_an_interrupted_demo_goes_on_where_it_stopped(finished, little):
    done, did, said = finished
    assert did == [
        "train looc",
        "train moco",  # stopped
        "train moco on",
        "evaluate looc",
        "evaluate moco",
        "export looc",  # stopped at the page
        "last",
        "page",
    ]
    assert done.page.read_text().count("<section>") == 5
    assert sorted(path.name for path in done.export.parent.iterdir()) == ["1", "serving.md"]
    assert said[-1] == f"The demo goes on with: looc demo --out {done.page.parent}"
    assert {record["method"]: record["step"] for record in done.records} == {"looc": 0, "moco": 2}
    for label, experiment in little.items():
        assert experiments.load(done.page.parent / label / "config.yaml") == experiment


def test_a_demo_that_is_done_is_left_as_it_is(finished, little, monkeypatch):
    did = watch(monkeypatch)
    again = demo(finished[0].page.parent, experiments=little)
    assert did == [] and again.was_done and again.page == finished[0].page and again.export == finished[0].export
    assert again.records == finished[0].records


def test_the_command_says_where_a_finished_demo_has_its_report(finished, little, monkeypatch):
    monkeypatch.setattr(module.Asked, "experiments", lambda _: dict(little))
    out = finished[0].page.parent
    answer = CliRunner().invoke(cli, ["demo", "--out", str(out)], prog_name="looc")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout == f"{out} holds a finished demo. Its report: {out / 'report.html'}\n"


def test_what_is_missing_is_done_and_shown(finished, little, tmp_path, monkeypatch):
    """The page, and the results of one run, which are of another step than its checkpoint."""
    out = shutil.copytree(finished[0].page.parent, tmp_path / "demo")
    (out / "report.html").unlink()
    records = json.loads((out / "moco" / "results.json").read_text())
    (out / "moco" / "results.json").write_text(json.dumps([{**record, "step": 1} for record in records]))
    monkeypatch.setattr(module.Asked, "experiments", lambda _: dict(little))
    did, built, real = watch(monkeypatch), [], trained.methods.build
    monkeypatch.setattr(trained.methods, "build", lambda *a, **k: built.append(a) or real(*a, **k))
    answer = CliRunner().invoke(cli, ["demo", "--out", str(out)], prog_name="looc")
    assert answer.exit_code == 0, answer.output
    assert did == ["evaluate moco", "page"]
    assert len(built) == 2  # each run is opened once, where it was five times for two
    assert all(word in answer.stdout for word in ("looc", "moco", "the trunk knows the rotation")), answer.stdout
    lines = answer.stdout.splitlines()
    assert f"report:  {out / 'report.html'}" in lines and f"results: {out / 'results.json'}" in lines
    assert f"export:  {out / 'export' / '1'}" in lines


def test_a_folder_that_is_something_else_is_refused(little, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(UserError, match=r"exists and is not empty\. Choose another --out"):
            demo(out, experiments=little)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("training.steps=3",), r"begun otherwise \(training\.steps\)"),
        (("data.name=elsewhere", "evaluation.limit=9"), r"begun otherwise \(data\.name, evaluation\.limit\)"),
    ],
)
def test_a_demo_of_other_options_is_refused_done_or_not(finished, little, pictures, tmp_path, change, words):
    out = shutil.copytree(finished[0].page.parent, tmp_path / "demo")
    other = {label: experiments.from_text(module.config.to_yaml(one), change) for label, one in little.items()}
    for page in ("report.html", None):
        with pytest.raises(UserError, match=words):
            demo(out, experiments=other)
        if page:
            (out / page).unlink()
    (out / "demo.json").write_text("[]")
    with pytest.raises(UserError, match="cannot be read by this version"):
        demo(out, experiments=other)


def test_a_start_that_was_killed_is_no_hindrance(little, tmp_path, monkeypatch):
    (tmp_path / f".demo.json.looc-{os.getpid()}").write_text("{")
    monkeypatch.setattr(module, "train", lambda *_, **__: (_ for _ in ()).throw(SystemExit(143)))
    with pytest.raises(SystemExit):
        demo(tmp_path, experiments=little)
    assert list(json.loads((tmp_path / "demo.json").read_text())) == ["looc", "moco"]
