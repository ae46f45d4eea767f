"""Odd and hostile pictures as they lie on a disk: `CORPUS`, name -> (what makes the file, what must become of it).

As a program, `python tests/helpers/corpus.py [--bombs] [PASSES]` sends all of it through training's reader, the served
model and what `looc embed` does, pass after pass, and prints what became of it and how much memory that took; with
`--tensorflow` it prints what a refused call costs in TensorFlow alone, without any of our code.
"""

import contextlib
import gc
import os
import stat
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from helpers.odd_pictures import flat_png, odd_pictures, other_formats, save

PICTURE, SKIPPED, PASSED_OVER = "picture", "skipped", "passed over"
_GOOD = flat_png(12, 10)
_NAMES = (
    "\u05e9\u05dc\u05d5\u05dd \u202eabc.png",  # from right to left, and an override of the direction
    "\U0001f600\u200d\U0001f525.png",
    "e\u0301\u0323\u0302.png",  # combining marks
    "\u00e9.png",
    "line\nbreak.png",
    "control \x1b[2J\x07.png",
    "caf\udce9.png",  # bytes that are no UTF-8
    "-rf.png",
    "  spaces  .png",
    "%s {0} $(true) `true` ;&|<>*?.png",
    "'\"\\.png",
    "..a.b..png.png",
    "CAPITALS.PNG",
    "x" * 251 + ".png",
    "..\\windows.png",
    "class with \u202e and \n/inside.png",
    "caf\udce9/inside.png",
    "  /inside.png",
    "a/b/c/d/e/f/g/h/i/j/deep.png",
)


def _content(data):
    def make(path):
        path.write_bytes(data)

    return make


def _link(target):
    return lambda path: path.symlink_to(target)


def _locked(path):
    path.write_bytes(_GOOD)
    path.chmod(0)


def _folder(path):
    path.mkdir()
    (path / "inside.png").write_bytes(_GOOD)


def _corpus():
    made = {
        name: (_content(data), SKIPPED if name.startswith("bad") else PICTURE)
        for name, data in {**odd_pictures(), **other_formats()}.items()
    }
    made |= {name: (_content(_GOOD), PASSED_OVER if name.startswith(".") else PICTURE) for name in _NAMES}
    return made | {
        ".hidden.png": (_content(_GOOD), PASSED_OVER),
        "notes.txt": (_content(b"no picture"), PASSED_OVER),
        "pipe.png": (os.mkfifo, SKIPPED),
        "device.png": (_link("/dev/zero"), SKIPPED),
        "memory.png": (_link("/proc/self/mem"), SKIPPED),
        "link.png": (_link("grey.png"), PICTURE),
        "nowhere.png": (_link("is/not/there.png"), SKIPPED),
        "itself.png": (_link("itself.png"), SKIPPED),
        "one.png": (_link("other.png"), SKIPPED),
        "other.png": (_link("one.png"), SKIPPED),
        "up": (_link("."), PASSED_OVER),
        "folder.png": (_folder, PASSED_OVER),
        "link-to-folder.png": (_link("folder.png"), PASSED_OVER),
        "locked.png": (_locked, PICTURE if os.geteuid() == 0 else SKIPPED),
    }


CORPUS = _corpus()
BOMBS = {  # what only decoding would show, large enough to show in the memory
    "bomb-20000.png": (lambda: flat_png(20_000, 20_000), SKIPPED),
    "bomb-9900.png": (lambda: flat_png(9_900, 9_900), PICTURE),
    "bomb-9900-alpha.png": (lambda: flat_png(9_900, 9_900, b"\x20\x60\xa0\x80"), PICTURE),
    "bomb-9900.jpg": (lambda: save(np.zeros((9_900, 9_900, 3), np.uint8), "JPEG", progressive=True), PICTURE),
}


def lay(folder, corpus=None):
    """Writes the corpus into an empty folder."""
    for name, (make, _) in (CORPUS if corpus is None else corpus).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
    return folder


def expected(outcome):
    """Readable names of what ends so; the picture in the folder that is called like one is the folder's."""
    names = {os.fsencode(name).decode("utf-8", "backslashreplace") for name, one in CORPUS.items() if one[1] == outcome}
    return names | {"folder.png/inside.png"} if outcome == PICTURE else names


def listing(root):
    """Path -> kind, size and time of change of everything below: what a hostile name might have touched."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            status = os.lstat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (stat.S_IFMT(status.st_mode), status.st_size, status.st_mtime_ns)
    return found


def memory(field="VmRSS"):
    """MiB that the process holds now, or (`VmHWM`) has held at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) // 1024


def read(pictures, exported):
    """A function that does what opening a set for training does; it returns how many were read, and the skipped."""
    from looc_tf.data import open_parts

    def use():
        parts = open_parts(pictures, size=16).values()
        return sum(map(len, parts)), [broken for part in parts for broken in part.skipped]

    return use


def fetch(pictures, exported):
    """As `read`, but of pictures that are decoded at each fetch."""
    from looc_tf.data import read_table
    from looc_tf.data.source import Source

    def use():
        source = Source(read_table(pictures), name="corpus", split="all", size=16, budget=0)
        source.fetch(np.arange(len(source)))
        return len(source) - len(source.skipped), source.skipped

    return use


def embed(pictures, exported):
    """As `read`, for `looc embed`, with a model that is loaded once."""
    from looc_tf.export import files

    model = files.Model(exported)

    def use():
        skipped = []
        batches = files._batches(files.read_ahead(files.find(pictures).items), 32, skipped)
        return sum(len(ids) for batch in batches for ids, _ in model.embed(batch, skipped)), skipped

    return use


def lost_by_tensorflow(calls=10_000):
    """Prints the bytes that a process holds longer for each call that TensorFlow refuses."""
    import tensorflow as tf

    decode = tf.function(tf.io.decode_png, input_signature=[tf.TensorSpec([], tf.string)])

    def refused(count, call):
        for _ in range(count):
            with contextlib.suppress(tf.errors.InvalidArgumentError):
                call(tf.constant(b"x"))
        gc.collect()

    for kind, call in {"a function": decode, "an operation": tf.io.decode_png}.items():
        refused(500, call)
        before = memory()
        refused(calls, call)
        print(f"{kind}: {(memory() - before) * 2**20 / calls:.0f} bytes a refused call")


def main(*arguments):
    """Prints outcomes and memory; returns the growth from the second pass to the last in MiB."""
    from helpers import contract
    from looc_tf.export import Embedder, export
    from looc_tf.models import Encoder

    passes = int(next((word for word in arguments if word.isdigit()), 5))
    resident = []
    with tempfile.TemporaryDirectory() as root:
        pictures = Path(root, "pictures")
        pictures.mkdir()
        lay(pictures)
        if "--bombs" in arguments:
            lay(pictures, {name: (_content(make()), outcome) for name, (make, outcome) in BOMBS.items()})
        embedder = Embedder(Encoder(contract.MODEL, ["all"]), data_size=16, view_size=16)
        exported = export(embedder, Path(root, "exports"))
        uses = [reader(pictures, exported) for reader in (read, fetch, embed)]
        print(f"before: {memory()} MiB, at most {memory('VmHWM')}", flush=True)
        for number in range(passes):
            (read_now, _), (fetched, _), (embedded, skipped) = (use() for use in uses)
            resident.append(memory())
            print(f"pass {number + 1}: read {read_now}, fetched {fetched}, embedded {embedded}, ", end="")
            print(f"skipped {len(skipped)}; ", end="")
            print(f"{resident[-1]} MiB, at most {memory('VmHWM')}", flush=True)
    return resident[-1] - resident[min(1, passes - 1)]


if __name__ == "__main__":
    if "--tensorflow" in sys.argv:
        lost_by_tensorflow()
    else:
        print(f"growth: {main(*sys.argv[1:])} MiB")
