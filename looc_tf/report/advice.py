"""`looc advise`: which representation of a run a task should take, as a few sentences, a page and JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Optional

import numpy as np

from looc_tf.data import Source
from looc_tf.data.census import broken_of, opening_lines
from looc_tf.data.ingest import summary
from looc_tf.data.places import same_place
from looc_tf.errors import UserError, shown, unknown
from looc_tf.evaluate.advice import Advice, advise
from looc_tf.evaluate.destroyed import WITHOUT
from looc_tf.evaluate.features import UPRIGHT, Features, extract
from looc_tf.evaluate.progress import terminal_progress
from looc_tf.evaluate.subsets import MOST
from looc_tf.export.given import check_rule
from looc_tf.files import typed
from looc_tf.report.advice_page import FILE, Advised, write_advice
from looc_tf.report.advice_said import sentences
from looc_tf.report.runs import opened, parts_of, short_name
from looc_tf.representations import CONCAT, TRUNK, beside
from looc_tf.results.records import BEST, LAST, STEP
from looc_tf.run import Run, export_command
from looc_tf.run.about import fingerprint

FOLDER = "advice"
LABEL = "label"  # what a table of labels is read as, whichever its column


def advise_run(
    run: Run | str | Path,
    data: str | None = None,
    labels: str | None = None,
    field: str = LABEL,
    checkpoint: str = LAST,
    out: str | Path | None = None,
    tell: Optional[Callable[[str], None]] = None,
) -> Advised:
    """Compares what the trunk, each space, each two of them and all of them tell of a task's labels.

    Args:
        run: an open run, or its folder.
        data: labelled pictures, of all whose parts it makes use; by default those of the run.
        labels: a CSV file of labels.
        field: which label, where there are several; of a table of labels, the column.
        checkpoint: of a folder, see `load_run`.
        out: the folder to write; by default RUN/advice or, of other pictures, labels or checkpoints, one beside it.
        tell: is given the lines that say how many pictures there are, and which are broken.

    Raises:
        UserError: no such label, too few labelled pictures, `out` holds the advice on something else, or what
            `evaluate_run` raises.
    """
    run, tell = opened(run, checkpoint), tell or (lambda line: None)
    column = field if labels is not None and field != LABEL else None
    sources = parts_of(run, data, labels, column)
    for line in opening_lines(sources.values()):
        tell(line)
    for source in sources.values():
        check_rule(source, run.pixels)
    asked = Asked(run, data, labels, column or field)
    field = LABEL if column else field
    if field not in sources["train"].fields:
        raise unknown("label", field, sources["train"].fields)
    question = asked.question(sources, out)
    path = asked.folder(question, out)  # before anything is embedded, which takes long
    settings, known = run.experiment.evaluation, set(broken_of(sources.values()))
    with terminal_progress() as progress:
        features, answers = _embedded(run, list(sources.values()), field, settings.batch, progress)
        plain = {name: features.of(UPRIGHT, name) for name in candidates(features)}
        without = {factor: {TRUNK: features.of(factor, TRUNK)} for factor in WITHOUT}
        found = advise(plain, answers, settings.strengths, without, progress)
    if later := summary(broken for broken in broken_of(sources.values()) if broken not in known):
        tell(later)
    done = Advised(path, found, sentences(found), shipping(run, found))
    write_advice(done, asked.facts, question)
    return done


@dataclass(frozen=True)
class Asked:
    """What an advice is asked of: which checkpoint of a run, which pictures and which of their labels."""

    run: Run
    data: Optional[str]
    labels: Optional[str]
    label: str

    @property
    def facts(self) -> dict[str, Any]:
        """For people."""
        facts: dict[str, Any] = {"run": str(self.run.path), "step": self.run.step, "label": self.label}
        facts["data"] = self.data or self.run.experiment.data.name
        return facts if self.labels is None else {**facts, "labels": self.labels}

    def question(self, sources: Mapping[str, Source], out: str | Path | None) -> str:
        """A hash of the pictures and labels themselves: the same names may lead to others by now. Of a folder that is
        not the run's own it is also asked whose run it is."""
        asked = [str(self.run.checkpoint), self.label, *(() if out is None else [str(self.run.path.resolve())])]
        digest = hashlib.sha256(json.dumps(asked).encode())
        for part, source in sources.items():
            digest.update(f"{part} {fingerprint(source)} ".encode())
        return digest.hexdigest()

    def folder(self, question: str, out: str | Path | None) -> Path:
        """Where the answer goes: no other question's answer is written over, the same one's is.

        Raises:
            UserError: `out` holds the answer to another one.
        """
        path = self.run.path / "-".join([FOLDER, *self._names()]) if out is None else Path(out)
        held = _held(path)
        if held is None or held.get("question") == question:
            return path
        if out is None:
            return path.with_name(f"{path.name}-{question[:8]}")
        of = ", ".join(f"{name} {shown(held[name])}" for name in ("run", "data", "label") if name in held)
        raise UserError(
            f"Expected a folder without the advice on something else. {path} holds one{' of ' if of else ''}{of}. "
            "Name another --out, or remove that folder."
        )

    def _names(self) -> Iterator[str]:
        """What tells the folder from that of the run's own pictures, labels and last checkpoint."""
        own = self.run.experiment.data
        if self.data is not None and not same_place(self.data, own.name):
            yield f"on-{short_name(self.data)}"
        if self.labels is not None and not same_place(self.labels, own.labels or ""):
            yield short_name(Path(self.labels).stem)
        if self.label != LABEL:
            yield short_name(self.label)
        if (name := str(self.run.checkpoint)) != LAST:
            yield name if name == BEST else f"{STEP}{name}"


def _held(path: Path) -> Optional[dict[str, Any]]:
    """What the JSON of an advice in a folder says; nothing of it where it cannot be read, None where there is none."""
    try:
        said = json.loads((path / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def shipping(run: Run, found: Advice) -> str:
    """The command that ships what is advised, of the checkpoint that was asked; "" where nothing can be told."""
    if not found.readable:
        return ""
    of = "" if run.checkpoint == LAST else f" --checkpoint {run.checkpoint}"
    return export_command(run.path, f" --representation {typed(found.representation)}{of}")


def candidates(features: Features) -> list[str]:
    """The trunk, each space, each two of them, all; of spaces that own a last stage the same of these branches."""
    names = [TRUNK]
    for family in features.families:
        if len(family) > MOST:
            names += [*family, beside(family)]
            continue
        names += [beside(some) for size in (1, 2) for some in combinations(family, size)]
        names += [beside(family)] * (len(family) > 2)
    return [CONCAT if name == beside(features.spaces) and len(features.spaces) > 1 else name for name in names]


def _embedded(
    run: Run, sources: list[Source], field: str, batch: int, progress: Callable[[str, int, int], None]
) -> tuple[Features, np.ndarray]:
    """All labelled pictures of all parts, as they are and without each factor."""
    chosen = [(source, np.flatnonzero(source.labels[field] >= 0)) for source in sources if field in source.labels]
    total, done = sum(len(rows) for _, rows in chosen), 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        progress("Embedding", done, total)

    copies = (UPRIGHT, *WITHOUT)
    parts = [extract(run.embedder.images, source, rows, copies, batch, report) for source, rows in chosen if len(rows)]
    if not parts:
        raise UserError(f"Expected labelled pictures. None has a {field!r}. Give --labels FILE, or other --data.")
    joined = {
        copy: {name: np.concatenate([part.copies[copy][name] for part in parts]) for name in parts[0].copies[copy]}
        for copy in copies
    }
    answers = np.concatenate([part.labels[field] for part in parts])
    return Features(joined, {field: answers}), answers
