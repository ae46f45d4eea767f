"""Data sets by TFDS name, read through the record files that TFDS prepares."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from looc_tf.data.places import EXPECTED, beside, missing
from looc_tf.data.splits import ALIASES, POOL
from looc_tf.data.table import RULES, Table
from looc_tf.data.tfrecord import Keys, read_tfrecord
from looc_tf.errors import UserError, nearest

POOLS = ("unlabelled", "unlabeled", "extra")  # splits of STL-10, SVHN and others


def read_named(name: str, data_dir: str | os.PathLike | None = None, rules: int = RULES) -> Table:
    """The TFDS set `name` (`"cifar10"`, `"factors"`, `"imagenette/160px:1.0.0"`), prepared first where it is not yet.

    Every class-label feature becomes a label field; the one called `label`, else the first, is the main one. The splits
    `unlabelled` (or `unlabeled`) and `extra` are training pictures without labels; others than these and train,
    validation and test are left out.

    Args:
        name: as `tfds.builder` takes it.
        data_dir: where TFDS keeps prepared sets; its own default (or TFDS_DATA_DIR) if None.
        rules: 1 to leave out the training pictures without labels as well.

    Raises:
        UserError: an unknown name, a set that cannot be prepared here, or one without a picture feature.
    """
    import tensorflow_datasets as tfds

    import looc_tf.data.factors  # noqa: F401  (a builder is registered under its name when its class is defined)

    builder = _builder(tfds, name, data_dir)
    if not builder.is_prepared():
        _prepare(builder, name)
        builder = _builder(tfds, name, data_dir)  # another process may have been the one that prepared it
    fields, keys = _features(tfds, builder.info.features, name)
    known = {**ALIASES, **(dict.fromkeys(POOLS, POOL) if rules > 1 else {})}
    files = {
        Path(os.fspath(path)): known[part.lower()]
        for part, split in builder.info.splits.items()
        if part.lower() in known
        for path in split.filepaths
    }
    table = read_tfrecord(list(files), fields=fields, keys=keys, split=files.__getitem__, rules=rules)
    pool = table.splits == POOL
    return replace(table, labels={name: np.where(pool, -1, numbers) for name, numbers in table.labels.items()})


def _builder(tfds: Any, name: str, data_dir: str | os.PathLike | None) -> Any:
    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (tfds.core.DatasetNotFoundError, ValueError, AssertionError, ImportError) as error:
        names = tfds.list_builders(with_community_datasets=False)
        first = name.split("/")[0].split(":")[0]
        if "/" in name and first not in names:
            raise missing(name) from error
        could_be = re.fullmatch(r"[\w/:.-]+", name)  # of TFDS; a name with a blank in it is none of its names
        hint = nearest(first, [*beside(Path()), *(names if could_be else [])])
        known = not could_be or isinstance(error, tfds.core.DatasetNotFoundError)
        reason = "" if known else f" ({str(error).splitlines()[0]})"
        raise UserError(
            f"{EXPECTED}. Received {name!r}{reason}, and no folder of that name is in {Path.cwd()}, where the command "
            f"was started. {hint}".strip()
        ) from error


def _prepare(builder: Any, name: str) -> None:
    try:
        builder.download_and_prepare()
    except Exception as error:  # no network, no disk, a manual download, a checksum: whatever it is, the user must act
        if builder.is_prepared():  # by another process, in the meantime
            return
        reason = (str(error) or type(error).__name__).strip().splitlines()[0].split(" (Caused by")[0][:160]
        raise UserError(
            f"The TFDS set {name!r} could not be prepared: {reason}. Prepare it with TFDS first, or name a folder."
        ) from error


def _features(tfds: Any, features: Any, name: str) -> tuple[dict[str, tuple[str, ...]], Keys]:
    """Label fields with their class names, and the keys under which TFDS stores picture, label and id."""
    images = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
    labels = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    if not images:
        raise UserError(
            f"Expected a TFDS set with an image feature. {name!r} has {', '.join(features)}. Choose another set."
        )
    main = "label" if "label" in labels or not labels else labels[0]
    fields = {("label" if key == main else key): tuple(features[key].names or ()) for key in labels}
    keys = Keys(
        image=("image",) if "image" in images else (images[0],),
        label=(main,),
        id=tuple(key for key in ("id", "file_name", "image_id") if key in features),
    )
    return fields, keys
