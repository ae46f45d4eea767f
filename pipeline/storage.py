"""Artifacts as files on this machine: TFX may keep them in a bucket, and the library reads local files."""

from __future__ import annotations

import glob
import gzip
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from tfx.dsl.io import fileio
from tfx.utils import io_utils

WORK = "LOOC_PIPELINE_WORK"  # names a folder that outlives a container; where it is set, a killed training resumes


def is_local(uri: str) -> bool:
    """Whether `uri` is a path of this machine."""
    return "://" not in uri


def local(uri: str) -> Path:
    """The folder of an artifact, copied first (once) where it is kept elsewhere."""
    if is_local(uri):
        return Path(uri)
    copy = work_base(uri) / "copies" / hashlib.sha256(uri.encode()).hexdigest()[:16]
    if not copy.exists():
        half = copy.with_name(copy.name + ".half")
        shutil.rmtree(half, ignore_errors=True)
        half.parent.mkdir(parents=True, exist_ok=True)
        io_utils.copy_dir(uri, str(half))
        half.rename(copy)
    return copy


def examples_glob(uri: str) -> str:
    """What `looc_tf.data` reads of an Examples artifact of `Pictures`: its record files, the split in each name."""
    return os.path.join(glob.escape(str(local(uri))), "Split-*", "*.tfrecord")


def unpack(uri: str, into: Path) -> str:
    """Writes the packed record files of an ImportExampleGen uncompressed into a folder; returns the glob over them."""
    into.mkdir(parents=True, exist_ok=True)
    for folder in sorted(fileio.listdir(uri)):
        if not folder.startswith("Split-"):
            continue
        for number, name in enumerate(sorted(fileio.listdir(os.path.join(uri, folder)))):
            target = into / f"{folder[len('Split-') :]}-{number:05}.tfrecord"
            with fileio.open(os.path.join(uri, folder, name), "rb") as packed, target.open("wb") as plain:
                opened = gzip.GzipFile(fileobj=packed) if name.endswith(".gz") else packed
                shutil.copyfileobj(opened, plain, 1 << 20)
    return os.path.join(glob.escape(str(into)), "*.tfrecord")


def work_base(uri: str) -> Path:
    """Where a step may keep what should survive its death.

    The folder that LOOC_PIPELINE_WORK names, else `work/` in the pipeline's root where that is on this machine, else a
    temporary folder, which survives nothing.

    Args:
        uri: of an output artifact, `ROOT/STEP/KEY/EXECUTION`.
    """
    if os.environ.get(WORK):
        return Path(os.environ[WORK])
    if is_local(uri):
        return Path(uri).absolute().parents[2] / "work"
    return Path(tempfile.gettempdir()) / "looc-pipeline"


def publish(folder: Path, uri: str) -> None:
    """Moves a local folder to where an artifact is kept."""
    if is_local(uri):
        Path(uri).parent.mkdir(parents=True, exist_ok=True)
        if Path(uri).is_dir():
            Path(uri).rmdir()  # TFX makes the folder of an output, empty
        shutil.move(str(folder), uri)
    else:
        io_utils.copy_dir(str(folder), uri)
        shutil.rmtree(folder)


def write_text(path: str, text: str) -> None:
    """Writes a small file, wherever it is kept."""
    fileio.makedirs(os.path.dirname(path))
    with fileio.open(path, "w") as file:
        file.write(text)


def read_text(path: str) -> str:
    """Reads a small file, wherever it is kept."""
    with fileio.open(path, "r") as file:
        return file.read()
