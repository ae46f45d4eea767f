"""Folders with awkward names, and every command tried in one of them."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from click.testing import CliRunner

from helpers import tiny
from looc_tf.cli import cli
from looc_tf.experiments import load
from looc_tf.export import latest
from looc_tf.report.demo import demo

# Each is printable, and a name that Linux takes; what is special about it is what some library makes of it.
NAMES = (
    "lr[0.1]", "[200]", "a[b", "a]b", "v[!x]", "[", "\\[x]", "back\\slash", "ends\\",
    "star*", "**", "what?", "{a,b}", "a(1)", "a:b", "C:", "gs:", "file:", "a b", " leads",
    "trails ", "dot.", "...", ".hidden", "100%", "%5B%20", "a#b", "#", "it's", 'a "quote"',
    "$HOME", "${x}", "~tilde", "a~b", "-dash", "--out", "a=b,c", "a;b&c|d<e>", "`x`", "!^@+",
    "fotos_für_mich", "u\u0308", "Фото", "照片", "😀", "null", "1", "2019-01-01", "train", "x" * 230,
)  # fmt: skip
UNSEEN = ("a\nb", "a\tb", "\x1b[31m", "\u202e")  # not printable
FEW = ('-it\'s a "dash" lr[0.1] back\\slash', "fotos für 100% a:b#{*}?${x}" + "照" * 66)  # for every run of the tests

SETTINGS = {
    **tiny.EXPERIMENT,
    "model": {"backbone": "plain6", "width": 4, "hidden": 8, "dimension": 8},
    "training": {"batch": 8, "steps": 2, "log_every": 1, "checkpoint_every": 1, "monitor_every": 2},
    "evaluation": {"neighbors": [5], "strengths": [0.1], "probes": ["object", "knn"]},
}


def looc(*arguments: object) -> str:
    """ "" where a command has done what it was asked for, else what it said or raised."""
    with contextlib.redirect_stderr(io.StringIO()):
        answer = CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="looc")
    if answer.exit_code == 0:
        return ""
    if answer.exception and not isinstance(answer.exception, SystemExit):
        return f"{type(answer.exception).__name__}: {answer.exception}"
    return answer.stderr.strip() or f"exit code {answer.exit_code}"


def small_demo(config: str, data: str, out: str) -> str:
    """What `looc demo` does, with a training that takes seconds."""
    try:
        made = demo(out, experiments={"looc": load(config, ["training.steps=1"], data=data)})
        return "" if made.page.is_file() and latest(made.export) == made.export else "nothing was written"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


class Place:
    """A folder of some name with pictures, a config, a run and whatever the commands make of them.

    Args:
        base: where the folder is made, or copied to.
        name: of the folder, and of what is written in it.
        relative: give the commands paths relative to `base`, which must be the working folder then.
    """

    def __init__(self, base: Path, name: str, relative: bool = False):
        self.base, self.name = base, name
        self.real = base / name
        self.path = f"./{name}" if relative else str(self.real)

    def prepare(self, pictures: Path, run: Path | None = None) -> None:
        """Fills the folder: pictures, tiny.yaml, and a copy of a run that was trained elsewhere."""
        shutil.copytree(pictures, self.real / "pictures" / self.name)
        (self.real / f"{self.name}.yaml").write_text(yaml.safe_dump(SETTINGS))
        if run is not None:
            shutil.copytree(run, self.real / self.name)

    def at(self, *parts: str) -> str:
        """A path in the folder, as it is typed."""
        return "/".join([self.path, *parts])

    def commands(self, steps: int = 2, whole: bool = True) -> Iterator[tuple[str, Callable[[], str]]]:
        """(what it is, the call) of each command in the order in which they build on each other."""
        run, export, data = self.at(self.name), self.at("export", self.name), self.at("pictures", self.name)
        named, few = self.at("named", self.name), ("--fraction", "0.5", "--set", "training.steps=1")
        config, picture = self.at(f"{self.name}.yaml"), self.at("pictures", self.name, "disc", "00.png")
        train = ("train", config, "--data", data, "--out")
        if steps:
            yield "train", lambda: looc(*train, run, "--set", f"training.steps={steps}")
        else:
            yield "train", lambda: looc(*train, self.at("new", self.name), "--set", "training.steps=0")
        yield "resume", lambda: looc(*train, run, "--resume")
        yield "resume own config", lambda: looc("train", f"{run}/config.yaml", "--out", run, "--resume")
        yield "evaluate", lambda: looc("evaluate", run, "--data", data)
        yield "evaluate step", lambda: looc("evaluate", run, "--checkpoint", "1")
        yield "finetune", lambda: looc("finetune", run, *few, "--out", named)
        yield "compare", lambda: looc("compare", run, "-o", self.at(f"{self.name}.svg"))
        yield "export", lambda: looc("export", run, "--out", export)
        yield "embed npz", lambda: looc("embed", export, data, "-o", self.at(f"{self.name}.npz"))
        yield "embed parquet", lambda: looc("embed", export, data, "-o", self.at(f"{self.name}.parquet"))
        yield "embed picture", lambda: looc("embed", export, picture, "-o", self.at("one.npz"))
        yield "views", lambda: looc("views", config, picture, "-o", self.at(f"{self.name}.png"))
        if whole:
            yield "finetune resume", lambda: looc("finetune", run, *few, "--out", named, "--resume")
            yield "finetune export", lambda: looc("export", named, "--out", self.at("named export", self.name))
            yield "demo", lambda: small_demo(config, data, self.at("demo", self.name))

    def wrote(self) -> list[str]:
        """What every command together should have left, and what of it is missing."""
        files = [f"{self.name}{kind}" for kind in (".svg", ".npz", ".parquet", ".png")]
        files += [
            f"{self.name}/results.json",
            f"named/{self.name}/results.json",
            f"export/{self.name}/1/saved_model.pb",
        ]
        return [file for file in files if not (self.real / file).is_file()]


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """A working folder for a while."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
