"""What lies below a folder of pictures, and what its folders say: looked at once, and kept for the next start.

What is kept is taken as long as each folder that was listed, and each file whose kind its name does not tell, is as it
was on the disk (its place, its times): whatever comes, goes or is renamed changes the folder that it lies in.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from looc_tf.data import extensions, layout, splits, stored
from looc_tf.data.extensions import EXTENSIONS, extension_of, is_picture, reads_phones
from looc_tf.data.layout import Layout
from looc_tf.data.stored import Columns, texts, texts_of
from looc_tf.errors import UserError, reason
from looc_tf.progress import stages

SEEN = "folders seen already"
WORTH = 2000  # files: fewer are listed again as soon as they are looked up
FIRST = 1000  # files that are looked at for an example of a picture
FRESH = 2.0  # seconds: of a folder that was changed so shortly before, another change might not show in its times
_STAMP = 4  # numbers


@dataclass
class Listing:
    """What lies below a folder, paths relative to it and sorted.

    Attributes:
        pictures, others: files.
        skipped: what could not be looked at, and why.
        passed_over: kind -> how many, as far as they are no files.
        seen: what was looked at: "" and the folders, and files without extension -> stamp.
        found: what the folders say of the pictures, where it was kept.
    """

    pictures: list[PurePosixPath] = field(default_factory=list)
    others: list[PurePosixPath] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    seen: dict[str, tuple[int, ...]] = field(default_factory=dict)
    found: Layout | None = None


def listed(root: Path, rules: int) -> Listing:
    """Everything visible below `root`: as it was kept, or as it is looked for now.

    Raises:
        UserError: it cannot be listed.
    """
    return _kept(root, rules) or _look(root, rules)


def _look(root: Path, rules: int) -> Listing:
    listing, unreadable = Listing(), []

    def refuse(error: OSError) -> None:
        unreadable.append((os.path.relpath(error.filename, root), error.strerror or "unreadable"))

    def visit(folder: str, status: os.stat_result) -> None:
        listing.seen[os.path.relpath(folder, root)] = _stamp(status)

    paths = []
    with stages("{task.description}", "spinner", after=2.0) as show:
        for path in walk(root, refuse, lambda folder: listing.passed_over.update([SEEN]), rules > 1, visit):
            paths.append(path)
            if len(paths) % 1000 == 0:
                show(f"listing {root}", len(paths), None)
    if unreadable and not paths:
        raise UserError(
            f"Expected a readable folder. {str(root)!r} cannot be listed: {unreadable[0][1]}. Check its permissions."
        )
    listing.skipped += unreadable
    for path in sorted(paths):
        try:
            taken = is_picture(root / path) if rules > 1 else path.suffix.lower() in EXTENSIONS
            (listing.pictures if taken else listing.others).append(path)
            if not extension_of(path):
                listing.seen[str(path)] = _stamp(os.stat(root / path))
        except OSError as error:
            listing.skipped.append((readable_name(path), reason(error)))
    return listing


def walk(
    root: Path,
    refuse: Callable[[OSError], None],
    again: Callable[[str], object] = lambda folder: None,
    links_last: bool = True,
    visit: Callable[[str, os.stat_result], object] = lambda folder, status: None,
) -> Iterator[PurePosixPath]:
    """Visible files below `root`, relative to it, one at a time.

    Args:
        root: a folder.
        refuse: is told of folders that cannot be listed.
        again: is told of folders that were listed before, which a link leads to.
        links_last: whether a folder goes before the links beside it, so that it is read under its own name.
        visit: is told of each folder that is listed, and how it is on the disk.
    """
    seen = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=refuse):
        status = os.stat(folder)
        visit(folder, status)
        if (status.st_dev, status.st_ino) in seen:  # a symbolic link back to where we have been
            folders.clear()
            again(folder)
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if links_last:
            folders.sort(key=lambda name: os.path.islink(os.path.join(folder, name)))
        base = PurePosixPath(Path(folder).relative_to(root).as_posix())
        yield from (base / name for name in sorted(files) if not name.startswith("."))


def a_picture(root: Path) -> Path | None:
    """The first picture among the first files below a folder, for an example; None where there is none."""
    for path in itertools.islice(walk(root, lambda error: None), FIRST):
        with contextlib.suppress(OSError):
            if is_picture(root / path):
                return root / path
    return None


def readable_name(path: PurePosixPath | str) -> str:
    """A path as text on every machine: bytes of it that are no UTF-8 become escapes such as `\\xe9`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def keep(root: Path, rules: int, listing: Listing, found: Layout) -> None:
    """Keeps what was found for the next start, where that saves time and nothing of it is in doubt."""
    fresh = (time.time() - FRESH) * 1e9
    if listing.skipped or len(found.pictures) < WORTH or any(stamp[2] > fresh for stamp in listing.seen.values()):
        return
    passed_over = listing.passed_over + Counter(found.passed_over)
    columns = {
        **texts("seen", list(listing.seen)),
        "stamps": np.array(list(listing.seen.values()), "<i8").reshape(-1),
        **texts("others", [str(path) for path in listing.others]),
        **texts("pictures", [str(path) for path in found.pictures]),
        **_coded("splits", found.splits),
        **_coded("classes", found.classes),
        **texts("passed over", list(passed_over)),
        "counts": np.array(list(passed_over.values()), "<i8"),
    }
    stored.write(_place(root, rules), columns)


def _kept(root: Path, rules: int) -> Listing | None:
    """What was kept, where all that was looked at is as it was."""
    kept = stored.read(_place(root, rules))
    if kept is None:
        return None
    try:
        seen = dict(zip(texts_of(kept, "seen"), map(tuple, kept["stamps"].reshape(-1, _STAMP).tolist())))
        if not seen or any(_stamp(os.stat(root / name)) != stamp for name, stamp in seen.items()):
            return None
        pictures, splits, classes = texts_of(kept, "pictures"), _decoded(kept, "splits"), _decoded(kept, "classes")
        if not len(pictures) == len(splits) == len(classes):
            return None
        kinds, counts = texts_of(kept, "passed over"), kept["counts"].tolist()
        if len(kinds) != len(counts):
            return None
        others = list(map(PurePosixPath, texts_of(kept, "others")))
        return Listing(others=others, seen=seen, found=Layout(pictures, splits, classes, dict(zip(kinds, counts))))
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _coded(name: str, values: Sequence[str]) -> Columns:
    """Few texts for many pictures."""
    different = sorted(set(values))
    places = {text: place for place, text in enumerate(different)}
    codes = np.fromiter((places[value] for value in values), "<i4", len(values))
    return {f"{name}.codes": codes, **texts(name, different)}


def _decoded(kept: Columns, name: str) -> list[str]:
    different = texts_of(kept, name)
    return [different[code] for code in kept[f"{name}.codes"].tolist()]


def _place(root: Path, rules: int) -> Path | None:
    return stored.place("folder", os.path.abspath(root), rules, reads_phones(), _code())


@functools.lru_cache(maxsize=1)
def _code() -> str:
    """Of what reads folders: what it said before it was changed is not taken."""
    digest = hashlib.sha256()
    for file in (layout.__file__, splits.__file__, extensions.__file__, __file__):
        digest.update(Path(str(file)).read_bytes())
    return digest.hexdigest()


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    numbers = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
    return tuple(number & ((1 << 63) - 1) for number in numbers)
