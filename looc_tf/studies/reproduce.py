"""One command for a table of the paper: plan, train what is missing, read, judge, write."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from looc_tf import config
from looc_tf.config import Experiment, training_id
from looc_tf.data.places import same_place
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.files import writing
from looc_tf.methods.arithmetic import parameters
from looc_tf.progress import stages
from looc_tf.results.records import Record
from looc_tf.studies.cost import cost_lines
from looc_tf.studies.planning import rows_of
from looc_tf.studies.runs import Job, code, cores, job_of, make
from looc_tf.studies.study import Study, read_study, study_names
from looc_tf.studies.tables import write_tables
from looc_tf.studies.verdicts import Verdict, values_of, verdicts

MINIATURE, PAPER = "factors/looc", "imagenet100/looc-color-rotation-texture"  # bases of the presets
FOLDERS = "grocery/looc-color-rotation"  # the base of pictures that no shipped config is called after
SHARE = 0.5  # of a shipped config's steps in miniature: a table of `factors` and one seed in ten minutes of two cores


@dataclass(frozen=True)
class Reproduced:
    """What came of a study: the files of its table, and the verdicts on its claims."""

    name: str
    files: Sequence[Path]
    verdicts: Sequence[Verdict]


def reproduce(
    names: Sequence[str],
    out: str | Path,
    data: str | None = None,
    seeds: int = 3,
    preset: str = "miniature",
    base: str | None = None,
    overrides: Sequence[str] = (),
    jobs: int | None = None,
    any_code: bool = False,
    plan: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Reproduced]:
    """Makes the tables of studies: trains what `out` does not hold yet, and reads from it what they ask for.

    A run is found again by config, seed, pictures and code, also by another study; what was interrupted goes on.

    Args:
        names: of studies, YAML files of them, or `all`.
        out: a folder of runs and tables.
        data: the pictures; by default those of the base config, the generated set in miniature.
        seeds: how many, 0 and up.
        preset: `miniature`, sized for two cores by half the steps of the shipped config, or `paper`, the paper's
            recipe.
        base: the config that the rows vary, in the place of the preset's for these pictures, with its own steps.
        overrides: texts `dotted.field=value`, laid over that config.
        jobs: how many trainings run side by side; by default one a core, and one where there is a GPU.
        any_code: whether runs that other versions of the code trained count.
        plan: whether to say what would be done, a line a training, and what it costs, and do nothing.
        tell: is given a line where a part of the work begins or ends.

    Raises:
        UserError: an unknown study, a row that cannot work, a training that failed.
    """
    studies = {str(name): read_study(name) for name in _named(names)}
    first = _first(data, preset, base, overrides)
    folder, began = Path(out), time.monotonic()
    planned = {name: _jobs(study, first, seeds, folder / "runs", any_code) for name, study in studies.items()}
    todo = _merged(job for each in planned.values() for job in each.values())
    for job in todo:
        _check_pictures(job)
    at_once = min(jobs or (1 if shutil.which("nvidia-smi") else cores()), max(1, len(todo)))
    missing = sum(not job.records() for job in todo)
    if plan:
        for job in todo:
            tell(_told(job))
    if plan or preset == "paper":
        for line in cost_lines(todo, at_once, profile=preset == "paper"):
            tell(line)
    tell(f"{len(todo)} trainings of {first.data.name}, {missing} to be made or read, {at_once} at a time")
    if plan:
        return []
    with writing(folder):
        (folder / "runs").mkdir(parents=True, exist_ok=True)
    with stages("{task.description}", "bar", "count", "left") as show:
        make(todo, at_once, max(1, cores() // at_once), tell, show)
    found = {job.path: job.records() for job in todo}
    facts = _facts(first, seeds, preset, time.monotonic() - began, missing)
    return [_written(folder, name, studies[name], planned[name], found, facts) for name in studies]


def _named(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(each for name in names for each in (study_names() if name == "all" else [name])))


def _first(data: str | None, preset: str, base: str | None, overrides: Sequence[str]) -> Experiment:
    """The experiment that the rows vary."""
    name = base or _base(data, preset)
    steps = load(name).training.steps if base is None and preset == "miniature" else None
    shorter = [f"training.steps={round(SHARE * steps)}"] if steps else []
    return load(name, [*shorter, *overrides], data=data)


def _base(data: str | None, preset: str) -> str:
    """The config that the rows vary: that of the paper, or the shipped one whose folder is called like the pictures."""
    if preset == "paper":
        return PAPER
    if data is None:
        return MINIATURE
    shipped = {name.partition("/")[0]: name for name in config.names() if "/looc" in name and "++" not in name}
    return {**shipped, "factors": MINIATURE}.get(Path(data).name.lower(), FOLDERS)


def _jobs(study: Study, first: Experiment, seeds: int, runs: Path, any_code: bool) -> dict[tuple[str, int], Job]:
    asked = list(dict.fromkeys(column.evaluation for column in study.columns if column.evaluation))
    return {
        (row, seed): job_of(runs, experiment, asked, any_code)
        for seed in range(seeds)
        for row, experiment in rows_of(study, first, seed).items()
    }


def _merged(jobs: Iterable[Job]) -> list[Job]:
    """One job a training, seed by seed, whatever its rows are called: it reads what any study asks of it."""
    merged: dict[tuple[str, int], Job] = {}
    for job in jobs:
        known = merged.setdefault((training_id(job.experiment), job.experiment.seed), job)
        job.path = known.path
        known.evaluations = tuple(dict.fromkeys([*known.evaluations, *job.evaluations]))
    return sorted(merged.values(), key=lambda job: job.experiment.seed)


def _told(job: Job) -> str:
    """A line on a job: what it trains, how far it is, what it reads."""
    state = "done" if job.records() else "to be read" if job.is_trained() else f"at step {job.step():,}"
    return f"{job.name}: {_length(job.experiment)}, {state}; {', '.join(job.evaluations)}"


def _length(experiment: Experiment) -> str:
    length = experiment.training
    steps = f"{length.steps:,} steps" if length.steps is not None else f"{length.epochs:g} epochs"
    return f"{steps} of {length.batch}"


def _check_pictures(job: Job) -> None:
    """Raises a `UserError` where the run that is there is of other pictures: an id does not tell these apart."""
    file = job.path / "config.yaml"
    if file.is_file():
        there = load(str(file)).data.name
        if not same_place(there, job.experiment.data.name):
            raise UserError(
                f"{job.path} was trained on {there}, and these are {job.experiment.data.name}. Choose another --out."
            )


def _written(
    folder: Path,
    name: str,
    study: Study,
    jobs: Mapping[tuple[str, int], Job],
    found: Mapping[Path, Sequence[Record]],
    facts: Mapping[str, str],
) -> Reproduced:
    records: dict[tuple[str, int], Sequence[Record]] = {place: found.get(job.path, []) for place, job in jobs.items()}
    values = values_of(study, records, _counted(study, jobs))
    judged = verdicts(study, values)
    stem = re.sub(r"[^\w.-]+", "-", Path(name).stem)
    return Reproduced(stem, write_tables(folder, stem, study, values, judged, facts), judged)


def _counted(study: Study, jobs: Mapping[tuple[str, int], Job]) -> dict[tuple[str, str], dict[int, float]]:
    """The cells of columns that no evaluation reads: known before anything is trained."""
    cells: dict[tuple[str, str], dict[int, float]] = {}
    for column in study.columns:
        if column.evaluation is None:
            for (row, seed), job in jobs.items():
                count = parameters(job.experiment)
                if count is not None:
                    cells.setdefault((row, column.name), {})[seed] = float(count)
    return cells


def _facts(first: Experiment, seeds: int, preset: str, seconds: float, missing: int) -> dict[str, str]:
    version, commit = code()
    return {
        "pictures": first.data.name,
        "seeds": ", ".join(map(str, range(seeds))),
        "preset": f"{preset}, rows vary {first.name} over {_length(first)}",
        "code": f"looc_tf {version}" + (f", commit {commit}" if commit else ""),
        "machine": f"{cores()} cores",
        "time": f"{seconds / 60:.1f} minutes for {missing} of the trainings",
    }
