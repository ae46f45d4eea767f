"""`DIR/<version>/`: a SavedModel that TensorFlow, or TensorFlow Serving, runs without this library."""

from __future__ import annotations

import json
from pathlib import Path

import tensorflow as tf

import looc_tf
from looc_tf.data.pixels import PLAIN, Pixels
from looc_tf.errors import UserError, out_of_memory, reason
from looc_tf.export.embedder import Embedder
from looc_tf.export.warmup import write_warmup
from looc_tf.files import scratch
from looc_tf.representations import EMBEDDING

INPUTS = {"serving_default": "image_bytes"}  # signature -> its input, where that has another name
EXTRA = "assets.extra"  # the place that the SavedModel format keeps for users' own files


def export(embedder: Embedder, out: str | Path, *, version: int | None = None, picture: bytes | None = None) -> Path:
    """Writes `out/<version>/`, whole or not at all.

    Signatures: `serving_default` (input `image_bytes`, picture files; over REST in base64), `images` (uint8 pixels
    `[B, H, W, C]`), `squares` (uint8 pixels `[B, data_size, data_size, C]`, which TFLite converts), `examples`
    (serialized `tf.Example`s), and for pictures of more than 8 bits or of named bands `intensities` (float32
    `[B, H, W, bands]` in the units of the files); each returns every representation by name, or the one that the
    embedder is `answering` with as `embedding`, float32 `[B, D]`. Inside are the weights of the query encoder and
    nothing else. `assets.extra` holds a warm-up request for each signature, which TensorFlow Serving replays at
    loading, and `looc.json`, which says what the model is.

    Args:
        embedder: what to write.
        out: the folder of all versions; made if missing.
        version: a number of at least 1; by default one more than the last.
        picture: a picture file for the warm-up requests; by default a drawn one.

    Returns:
        The folder of the version.

    Raises:
        UserError: the version exists, or the disk is full or closed to us; nothing is left behind.

    Example:
        >>> export(Embedder.from_run(load_run("runs/looc")), "exports/looc")        # doctest: +SKIP
        PosixPath('exports/looc/1')
    """
    out = Path(out)
    number = _free(out, version)
    target = out / str(number)
    try:
        with scratch(target) as folder:
            module = tf.Module(name="looc")
            module.state = list(embedder.state)
            tf.saved_model.save(module, str(folder), signatures=embedder.signatures())
            extra = folder / EXTRA
            extra.mkdir()
            write_warmup(extra / "tf_serving_warmup_requests", embedder.data_size, picture, embedder.rule)
            (extra / "looc.json").write_text(json.dumps(_about(embedder), indent=2) + "\n")
            folder.rename(target)  # fails if another process has written this version meanwhile
    except (OSError, tf.errors.OpError) as error:
        if out_of_memory(error) is not None:
            raise
        raise UserError(
            f"Expected to write an export to {target}. {reason(error)}. Nothing was left there; "
            "free some space or choose another --out."
        ) from error
    return target


def latest(export: str | Path) -> Path:
    """The SavedModel that a path means: the folder itself, or the highest version in it.

    Raises:
        UserError: there is none.
    """
    path = Path(export)
    if (path / "saved_model.pb").is_file():
        return path
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise UserError(f"Expected the folder of an export. {path} {what}. Write one: looc export RUN --out DIR")
    complete = [number for number in _versions(path) if (path / str(number) / "saved_model.pb").is_file()]
    if not complete:
        raise UserError(
            f"Expected an export: saved_model.pb or numbered versions of it. {path} holds neither. "
            "Write one: looc export RUN --out DIR"
        )
    return path / str(max(complete))


def answers(model: Path) -> str:
    """What an export answers with, as a person is told: its only representation, or all of them, and their widths."""
    about = json.loads((model / EXTRA / "looc.json").read_text(encoding="utf-8"))
    chosen = about.get("representation")
    if chosen is not None:
        return f"{EMBEDDING}, which is {chosen['name']}, {chosen['width']:,} numbers a picture"
    return ", ".join(f"{name} ({width:,})" for name, width in about["representations"].items())


def _versions(out: Path) -> list[int]:
    return (
        [int(path.name) for path in out.iterdir() if path.name.isascii() and path.name.isdigit()]
        if out.is_dir()
        else []
    )


def _free(out: Path, version: int | None) -> int:
    if out.exists() and not out.is_dir():
        raise UserError(f"Expected a folder for the versions of an export. {out} is a file. Choose another --out.")
    if version is None:
        return max(_versions(out), default=0) + 1
    if version < 1:
        raise UserError(f"Expected a version of at least 1. Received {version}.")
    if version in _versions(out):
        raise UserError(
            f"Version {version} exists in {out}, and a version is never overwritten. Leave it out for the next one."
        )
    return version


def _about(embedder: Embedder) -> dict:
    return {
        "looc_tf": looc_tf.__version__,
        "tensorflow": tf.__version__,
        **embedder.about,
        "representations": embedder.representations,
        "preprocessing": {
            "formats": ["JPEG", "PNG", "GIF", "BMP"],
            "crop": "centred square",
            "data_size": embedder.data_size,
            "view_size": embedder.view_size,
            "range": [0, 1],
            "pixels": embedder.rule.record(),
        },
        "signatures": {name: INPUTS.get(name, name) for name in embedder.functions()},
    }


def recorded_rule(model: Path) -> Pixels:
    """By which rule the pictures of an export became 8 bits; the plain one where nothing says so."""
    try:
        about = json.loads((model / EXTRA / "looc.json").read_text(encoding="utf-8"))
        return Pixels.recorded(about["preprocessing"].get("pixels"))
    except FileNotFoundError:
        return PLAIN
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(
            f"Expected {model / EXTRA / 'looc.json'} as looc wrote it. {reason(error)}. Export the model again."
        ) from error
