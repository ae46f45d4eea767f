"""The frozen-feature protocol: embed each part of the data once, then put every probe to every representation."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from looc_tf.config import Evaluation
from looc_tf.data.class_lists import of_classes
from looc_tf.errors import UserError
from looc_tf.evaluate.features import UPRIGHT, Embed, Features, Progress, extract
from looc_tf.evaluate.notes import left_out_line, unseen_lines
from looc_tf.evaluate.pool import side_by_side
from looc_tf.evaluate.probes import PROBES, check, lacking
from looc_tf.evaluate.questions import CHOICE_SEED, PARTS, Probe, Question, Tune
from looc_tf.evaluate.readings import Reading
from looc_tf.representations import ordered

if TYPE_CHECKING:
    from looc_tf.data import Source

log = logging.getLogger(__name__)

HELD_OUT = 10  # one in so many training pictures, where a source has no validation part


def evaluate(
    embed: Embed,
    sources: Mapping[str, Source],
    settings: Evaluation,
    *,
    run: str,
    method: str,
    seed: int,
    progress: Optional[Progress] = None,
) -> list[dict[str, Any]]:
    """Probes a frozen encoder and returns the records `{run, method, seed, representation, probe, value}`.

    Args:
        embed: uint8 images [B, S, S, 3] -> {"trunk": float32 [B, F], each space: [B, D], maybe "branch_*"}.
        sources: the parts "train", "test" and, unless it is to be carved from the training part, "validation".
        settings: which probes, the settings that are tried on the validation part, and limits.
        run, method, seed: copied into every record.
        progress: called with (stage, done, total).

    Raises:
        UserError: an unknown probe, an empty part, or embeddings that are not finite.
    """
    return [reading.record(run, method, seed) for reading in readings(embed, sources, settings, progress)]


def readings(
    embed: Embed,
    sources: Mapping[str, Source],
    settings: Evaluation,
    progress: Optional[Progress] = None,
    notes: Optional[list[str]] = None,
    tune: Optional[Tune] = None,
) -> Iterator[Reading]:
    """Yields the `Reading`s of each probe of each representation: `evaluate` with settings and chance levels kept.

    What a reader of the numbers should know besides is logged, and added to `notes`: which probes are left out and why,
    classes that no probe can name, and what each evaluation says of itself. `tune` fine-tunes the network, for what is
    asked of it after that.
    """
    check(settings)
    sources = of_classes(sources, settings.classes)
    left_out: dict[str, str] = {}
    probes = available(settings.probes, sources, left_out)
    features = _embed(embed, sources, settings, probes, progress)
    for probe in (each for each in probes.values() if each.alone):
        probe.prepare(choose_pictures(sources, settings.limit), tune, progress)
    probes = {name: probe for name, probe in probes.items() if _answerable(name, probe, features, left_out)}
    unseen = unseen_lines(probes.values(), features, sources["train"].fields)
    for name, probe in probes.items():
        unseen += probe.notes(name, features, settings)
    for line in unseen:
        log.info("%s", line)
    if notes is not None:
        notes += [*left_out_line(left_out), *unseen]
    pairs = _pairs(probes, features["train"])
    with side_by_side() as pool:
        answers: dict[tuple[str, str], Future[list[Reading]]] = {}
        for representation, name in pairs:
            same = features["train"].same(representation)
            if (same, name) not in answers and not probes[name].alone:
                answers[same, name] = pool.submit(probes[name].readings, name, features, same, settings)
        for done, (representation, name) in enumerate(pairs, start=1):
            same = features["train"].same(representation)
            own = probes[name]
            alone = own.readings(name, features, same, settings) if own.alone else None
            found = answers[same, name].result() if alone is None else alone
            if progress:
                progress("Probing", done, len(pairs))
            for reading in found:
                yield replace(reading, representation=representation) if reading.representation == same else reading


def _pairs(questions: Mapping[str, Question], features: Features) -> list[tuple[str, str]]:
    """(representation, name) of all that is asked, in the order of tables."""
    asked = {name: question.asked_of(features) for name, question in questions.items()}
    representations = ordered(each for names in asked.values() for each in names)
    return [(each, name) for each, name in product(representations, asked) if each in asked[name]]


def available(
    names: tuple[str, ...], sources: Mapping[str, Source], left_out: Optional[dict[str, str]] = None
) -> dict[str, Question]:
    """The probes of these names that the sources' labels allow; the others are logged and put into `left_out`."""
    left_out = {} if left_out is None else left_out
    probes: dict[str, Question] = {}
    for name in names:
        probe = PROBES[name](sources)
        if probe:
            probes[name] = probe
        else:
            left_out[name] = lacking(name, sources)
            log.info("The %s probe is left out: %s.", name, left_out[name])
    return probes


def chance(sources: Mapping[str, Source], names: tuple[str, ...] = tuple(PROBES)) -> dict[str, float]:
    """The accuracy of guessing, in percent, for each probe that the sources allow: one in so many classes as the
    labelled training pictures have, whatever other names there are."""
    asked = available(names, sources).items()
    return {name: level for name, probe in asked if (level := probe.level) is not None}


def tested(sources: Mapping[str, Source], names: tuple[str, ...]) -> dict[str, int]:
    """How many test pictures each of the probes is asked of, that the sources allow; evaluations beside them say more
    of themselves."""
    probes = {name: PROBES[name](sources) for name in names if name in Evaluation().probes}
    return {name: probe.tested(sources["test"]) for name, probe in probes.items() if isinstance(probe, Probe)}


def choose_pictures(sources: Mapping[str, Source], limit: Optional[int]) -> dict[str, tuple[Source, np.ndarray]]:
    """Which pictures of which source make up each part: {"train" | "validation" | "test": (source, indices)}.

    Without a validation part, one training picture in ten is held out as one. `limit` then thins the training part: at
    first by those without a label, such as the many of `unlabeled/`, from which no class is learned.
    """
    train, test = sources["train"], sources["test"]
    if len(train) < 2 or len(test) < 1:
        raise UserError(
            f"Expected two training pictures and one test picture at least, received {len(train)} and {len(test)}. "
            "Add pictures or another split of the data."
        )
    order = np.random.default_rng(CHOICE_SEED).permutation(len(train))
    validation = sources.get("validation")
    if validation is not None and len(validation):
        held_out = (validation, np.arange(len(validation)))
    else:
        count = -(-len(train) // HELD_OUT)
        held_out, order = (train, np.sort(order[:count])), order[count:]
    labels = getattr(train, "labels", {}).get("label")  # a source of somebody's own may not tell them before
    if labels is not None:
        order = order[np.argsort(labels[order] < 0, kind="stable")]
    return {"train": (train, np.sort(order[:limit])), "validation": held_out, "test": (test, np.arange(len(test)))}


def some_pictures(source: Source, count: int) -> np.ndarray:
    """Which pictures of a source stand for all of it: `count` drawn ones, at first those with a label."""
    order = np.random.default_rng(CHOICE_SEED).permutation(len(source))
    labels = getattr(source, "labels", {}).get("label")
    if labels is not None:
        order = order[np.argsort(labels[order] < 0, kind="stable")]
    return np.sort(order[:count])


def _embed(
    embed: Embed,
    sources: Mapping[str, Source],
    settings: Evaluation,
    probes: Mapping[str, Question],
    progress: Optional[Progress],
) -> dict[str, Features]:
    pictures = choose_pictures(sources, settings.limit)
    copies = dict.fromkeys(copy for probe in probes.values() for copy in probe.copies)
    asked = {part: (*pictures[part], tuple(copies) or (UPRIGHT,)) for part in PARTS}
    for name, probe in probes.items():
        if sample := probe.sample(settings):
            asked[name] = (sources["test"], some_pictures(sources["test"], sample.pictures), sample.copies)
    total, done = sum(len(indices) for _, indices, _ in asked.values()), 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress("Embedding", done, total)

    return {part: extract(embed, *wanted, settings.batch, report) for part, wanted in asked.items()}


def _answerable(name: str, probe: Question, features: Mapping[str, Features], left_out: dict[str, str]) -> bool:
    """Whether it can be asked of these features; says so where it cannot."""
    lacking = probe.lacks(features)
    if lacking:
        left_out[name] = lacking
        log.warning("The %s probe is left out: %s.", name, lacking)
    return not lacking
