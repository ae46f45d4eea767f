"""A trained run, evaluated and exported: what `looc evaluate` and `looc export` do."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Optional

import looc_tf
from looc_tf import experiments, methods, representations
from looc_tf.config import Evaluation, Experiment, to_yaml, training_id
from looc_tf.data import Census, Source, census_of, open_parts, reading
from looc_tf.data.census import opening_lines
from looc_tf.data.class_lists import of_classes, restriction
from looc_tf.data.places import same_place
from looc_tf.errors import UserError, shown
from looc_tf.evaluate import Reading, check, choose_pictures, classifier_reading, readings
from looc_tf.evaluate.features import Progress
from looc_tf.evaluate.progress import terminal_progress
from looc_tf.evaluate.protocol import tested
from looc_tf.evaluate.questions import Tune
from looc_tf.export import export, write_serving_page
from looc_tf.export.given import check_rule
from looc_tf.files import write_atomically, writing
from looc_tf.report.evaluated import NOTES_FILE, Evaluated, opened
from looc_tf.report.page import PAGE, write_page
from looc_tf.results import Provenance, read_results, write_results
from looc_tf.results.figure import matrix_figure
from looc_tf.results.invariance import has_curves, invariance_file
from looc_tf.results.records import BEST, FILE, LAST, STEP, folder_of
from looc_tf.run import Run
from looc_tf.run.about import check_named_pictures, commit, fingerprint
from looc_tf.training.finetune import tuned

log = logging.getLogger(__name__)


def method_label(run: Run) -> str:
    """How results name the method of a run: the last part of its config's name, such as `looc-rotation`."""
    return run.experiment.name.rpartition("/")[2]


def provenance(run: Run, sources: Mapping[str, Source], settings: Evaluation) -> Provenance:
    """Where the values come from that such an evaluation of a run reads."""
    digest, pictures = hashlib.sha256(), 0
    sources = of_classes(sources, settings.classes)
    for part, (source, rows) in choose_pictures(sources, settings.limit).items():
        digest.update(f"{part} {fingerprint(source)} ".encode() + rows.astype("<i8").tobytes())
        pictures += len(rows)
    return Provenance(
        config=run.experiment.name,
        data=sources["train"].name,
        pictures=pictures,
        pictures_sha256=digest.hexdigest(),
        checkpoint=_name(run.checkpoint),
        step=run.step,
        version=looc_tf.__version__,
        commit=commit(),
        training=training_id(run.experiment),
    )


def evaluate_run(
    run: Run | str | Path,
    data: str | None = None,
    sources: Mapping[str, Source] | None = None,
    checkpoint: str = LAST,
    labels: str | None = None,
    tell: Optional[Callable[[str], None]] = None,
    probes: bool = True,
    more: Sequence[str] = (),
    overrides: Sequence[str] = (),
    page: bool = True,
) -> Evaluated:
    """Probe a trained run, and ask its own classifier where it has one; write results.json, probes.json, evaluated.json
    and matrix.png into it and, of probes, the page report.html.

    Of another checkpoint than the last they go to RUN/best or RUN/step-STEP, of other pictures to RUN/on-NAME, which
    `compare` reads like runs: neither takes the place of the run's own.

    Args:
        run: an open run, or its folder.
        data: other pictures than those of its config.
        sources: the parts, where they are open already.
        checkpoint: of a folder, see `load_run`.
        labels: a CSV file of labels, in the place of the config's.
        tell: is given the lines that say how many pictures are for what, where they are opened here; logged by default.
        probes: False leaves it at the run's own classifier, which takes seconds.
        more: names of evaluations, beside those of the config's `evaluation.probes`.
        overrides: changes of the config's `evaluation`, such as `evaluation.draws=5`, for this once.
        page: whether to write the page, which takes a few seconds.
    """
    run = opened(run, checkpoint)
    settings = evaluation_of(run.experiment, more, overrides)
    if sources is None:
        sources = parts_of(run, data, labels)
        for line in opening_lines(sources.values()):
            (tell or _log)(line)
    for source in sources.values():
        check_rule(source, run.pixels)
    whole, sources = sources, of_classes(sources, settings.classes)
    known = provenance(run, sources, settings)
    notes = restriction(whole, sources, settings.classes)
    with terminal_progress() as progress:
        embed = run.embedding(settings.stages).images
        read = list(readings(embed, sources, settings, progress, notes, _tune_of(run))) if probes else []
        read += _classified(run, sources, progress, notes)
    other = data is not None and not same_place(data, run.experiment.data.name)
    part = _beside(run.path, known) if other else ""
    done = write_readings(run, read, known, part, notes, census_of(sources.values()), settings.probes)
    done = dataclasses.replace(done, tested=tested(sources, settings.probes))
    if page and probes:  # last: the numbers are kept whatever becomes of it
        write_page(done.path / PAGE, {method_label(run): run}, done.records, sources, remarks=done.notes)
    return done


def evaluation_of(experiment: Experiment, more: Sequence[str] = (), overrides: Sequence[str] = ()) -> Evaluation:
    """The evaluation of an experiment, changed by `overrides`, with `more` beside its probes; checked."""
    for override in overrides:
        if not override.startswith("evaluation."):
            example = "--set evaluation.draws=5"
            raise UserError(f"Expected a field of evaluation to change, such as {example}. Received {shown(override)}.")
    settings: Evaluation = (
        experiments.from_text(to_yaml(experiment), overrides).evaluation if overrides else (experiment.evaluation)
    )
    settings = dataclasses.replace(settings, probes=tuple(dict.fromkeys([*settings.probes, *more])))
    check(settings)
    return settings


def parts_of(run: Run, data: str | None, labels: str | None, column: str | None = None) -> dict[str, Source]:
    """The parts of a run's pictures, or of others, by the run's rule of pixels; what else the config says of how they
    are read is of its own. Of the columns of a table `labels`, `column` has the labels."""
    check_named_pictures(run.path, data)
    own = run.experiment.data
    how = reading(own) if data is None or same_place(data, own.name) else {}
    if labels is not None:
        how.update(labels=labels, label_columns=(column,) if column else ())
    return open_parts(data or own.name, size=own.size, **{**how, "pixels": run.pixels})


def _tune_of(run: Run) -> Optional[Tune]:
    """How a run is fine-tuned; None for one whose spaces own their last stages, which has no one trunk."""
    branches = methods.METHODS[run.experiment.method.name].has_branches(run.experiment)
    return None if branches else functools.partial(tuned, run)


def _classified(run: Run, sources: Mapping[str, Source], progress: Progress, notes: list[str]) -> list[Reading]:
    """What the run's own classifier names right; a note alone where it knows other classes than the pictures have."""
    if not run.method.class_names:
        return []
    batch = run.experiment.evaluation.batch
    try:
        return [classifier_reading(run.embedder.images, sources, run.method.class_names, batch, progress)]
    except UserError as error:
        log.warning("%s", error)
        notes.append(str(error))
        return []


def write_readings(
    run: Run,
    read: Sequence[Reading],
    known: Provenance,
    part: str = "",
    notes: Sequence[str] = (),
    census: Optional[Census] = None,
    asked: Sequence[str] = (),
) -> Evaluated:
    """Writes results.json, probes.json, evaluated.json and matrix.png into the folder of a run, results.json last; and
    invariance.png where that was asked for.

    Args:
        run: the run.
        read: what was read from it.
        known: of which pictures and which checkpoint.
        part: a folder in that of the run, for other pictures than its own; another checkpoint adds its own folder.
        notes: of `readings`.
        census: of the pictures.
        asked: names of the evaluations, whether or not these pictures could answer them.
    """
    part = str(Path(part, folder_of(known.checkpoint or LAST)))
    out, name = run.path / part, f"{run.path.absolute().name}/{part}".removesuffix("/.")
    records = [reading.record(name, method_label(run), run.experiment.seed, known) for reading in read]
    chance = {reading.probe: reading.chance for reading in read}
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "probes.json", json.dumps([reading.as_dict() for reading in read], indent=2) + "\n")
    about = {"census": census and census.as_dict(), "notes": list(notes), "asked": list(asked)}
    write_atomically(out / NOTES_FILE, json.dumps(about, indent=2) + "\n")
    matrix_figure(records, out / "matrix.png", name, chance)
    if has_curves(records):
        invariance_file(records, out / "invariance.png", name)
    write_results(out / FILE, records)
    return Evaluated(out, records, chance, tuple(notes), tuple(read))


def export_run(
    run: Run | str | Path, out: str | Path, checkpoint: str = LAST, representation: Optional[str] = None
) -> Path:
    """Export the query encoder of a run as the next version under `out`; for `checkpoint` see `load_run`.

    It answers with every representation by name, or with `representation` alone, see `Embedder.answering`. Beside the
    versions stands `serving.md`: how TensorFlow Serving is started on them, and a request for each signature.
    """
    run = opened(run, checkpoint)
    asked = {*run.experiment.evaluation.stages, *representations.parts_of(representation or "")}
    embedder = run.embedding([stage for stage in representations.STAGES if stage in asked])
    path = export(embedder.answering(representation) if representation is not None else embedder, out)
    write_serving_page(path)
    return path


def _log(line: str) -> None:
    log.info("%s", line)


def _name(checkpoint: str) -> str:
    return checkpoint if checkpoint in (LAST, BEST) else f"{STEP}{checkpoint}"


def _beside(run: Path, known: Provenance) -> str:
    """The folder in that of a run for the results on other pictures; a hash tells two sets of one name apart."""
    name = f"on-{short_name(str(known.data))}"
    held = {record.get("pictures_sha256") for file in (run / name).rglob(FILE) for record in read_results(file)}
    return name if held <= {known.pictures_sha256} else f"{name}-{str(known.pictures_sha256)[:8]}"


def short_name(data: str) -> str:
    """A folder's name for pictures: the last part of their path, without what a pattern matches."""
    parts = [part for part in data.split("/") if part.strip(".~")]
    if not os.path.exists(os.path.expanduser(data)):
        parts = [part for part in parts if not set(part) & set("*?[")] if set(data) & set("*?[") else [data]
    return re.sub(r"[^\w.-]+", "-", parts[-1] if parts else "data")[:60].strip("-.") or "data"
